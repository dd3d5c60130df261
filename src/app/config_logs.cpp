// SPDX-License-Identifier: Apache-2.0
// The quotas of the logs service: how much the clients, the nodes and msd itself may write.
#include "app/config_row.hpp"

namespace msd::app {

namespace {

constexpr std::string_view role = "logs";

// `quota` returns the quotas of one source.
template <class Quota>
void add_source(
    config_rows& rows,
    const std::string& source,
    const std::string& lines,
    const Quota& quota
) {
    const std::string section = "logs." + source;
    add_key(
        rows,
        section + "_address_bytes_per_s",
        {0, gib, config::unit::bytes},
        "bytes a second of " + lines + " that one worker keeps from one address; 0: no limit",
        [quota](auto& c) -> auto& { return quota(c).address_bytes_per_s; }
    );
    add_key(
        rows,
        section + "_bytes_per_s",
        {0, gib, config::unit::bytes},
        "the same from all addresses together",
        [quota](auto& c) -> auto& { return quota(c).bytes_per_s; }
    );
    add_key(
        rows,
        section + "_file_bytes_max",
        {mib, 64 * gib, config::unit::bytes},
        "size at which the file with " + lines + " is replaced by a new one",
        [quota](auto& c) -> auto& { return quota(c).file_bytes_max; }
    );
    add_key(
        rows,
        section + "_files_max",
        {1, 1000},
        "how many of these files a worker keeps; the oldest is deleted",
        [quota](auto& c) -> auto& { return quota(c).files_max; }
    );
}

} // namespace

void add_log_quotas(config_rows& rows) {
    const std::size_t first = rows.size();
    add_source(
        rows,
        "client",
        "lines of HTTP clients",
        [](auto& c) -> auto& { return c.service.logs.client; }
    );
    add_source(
        rows,
        "node",
        "lines of other nodes",
        [](auto& c) -> auto& { return c.service.logs.node; }
    );
    add_source(
        rows,
        "msd",
        "lines of msd itself",
        [](auto& c) -> auto& { return c.service.logs.msd; }
    );
    add_key(
        rows,
        "logs.line_bytes_max",
        {1024, mib, config::unit::bytes},
        "a longer line is cut and kept as a string",
        [](auto& c) -> auto& { return c.service.logs.line_bytes_max; }
    );
    add_key(
        rows,
        "logs.report_every_ms",
        {100, hour_ms},
        "how often the number of lines over a quota, which were dropped, is logged",
        [](auto& c) -> auto& { return c.service.logs.report_every; }
    );
    for (std::size_t row = first; row < rows.size(); ++row) {
        rows[row].role = role;
    }
}

} // namespace msd::app
