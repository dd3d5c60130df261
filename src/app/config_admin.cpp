// SPDX-License-Identifier: Apache-2.0
// The keys of the admin worker.
#include "app/config_row.hpp"

#include <limits>

namespace msd::app {

void add_admin(config_rows& rows) {
    constexpr std::int64_t port_max = std::numeric_limits<std::uint16_t>::max();
    constexpr std::int64_t host_bytes_max = 255;
    const std::size_t first = rows.size();
    add_key(
        rows,
        "admin.enabled",
        {},
        "a worker serves /metrics, /healthz and /readyz: in msd up, and elsewhere when admin.port "
        "is set",
        [](auto& c) -> auto& { return c.admin.is_enabled; }
    );
    add_key(
        rows,
        "admin.host",
        {0, host_bytes_max},
        "address or name to listen on; empty: 127.0.0.1 and [::1]; whoever can connect can "
        "read the metrics",
        [](auto& c) -> auto& { return c.admin.host; }
    );
    config_key& port = add_key(
        rows,
        "admin.port",
        {0, port_max},
        "port to listen on; 0: any free one; when the default is in use, msd up runs "
        "without the worker",
        [](auto& c) -> auto& { return c.roles.at("admin").port; }
    );
    port.put = [](configuration& into, const config_value& value) -> result<void> {
        into.roles.at("admin").port = static_cast<std::uint16_t>(value.integer());
        into.admin.is_port_set = true;
        return {};
    };
    for (std::size_t row = first; row < rows.size(); ++row) {
        rows[row].role = "admin";
        rows[row].needs_restart = true;
    }
}

} // namespace msd::app
