// SPDX-License-Identifier: Apache-2.0
#include "app/live_settings.hpp"

#include "app/config_schema.hpp"
#include "app/resolve.hpp"

#include <utility>

namespace msd::app {

result<gateway::gateway_settings> with_live_keys(
    gateway::gateway_settings running,
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up,
    int config_descriptor
) {
    const auto file = read_file_of(command, look_up, config_descriptor);
    if (!file) {
        return fail(errc::invalid, file.error().text);
    }
    const auto read = resolve_values(command, roles, look_up, *file);
    if (!read) {
        return fail(errc::invalid, read.error().text);
    }
    const config_schema schema{roles};
    configuration made = schema.defaults();
    made.gateway = std::move(running);
    for (const config_key& key : schema.keys()) {
        if (!key.live) {
            continue;
        }
        if (auto copied = key.copy(made, *read); !copied) {
            return tl::unexpected{std::move(copied.error())};
        }
    }
    return std::move(made.gateway);
}

} // namespace msd::app
