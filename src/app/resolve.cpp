// SPDX-License-Identifier: Apache-2.0
#include "app/resolve.hpp"

#include "app/config_file.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

namespace msd::app {

namespace {

tl::unexpected<refusal> refuse(int exit_code, std::string text) {
    return tl::unexpected{refusal{exit_code, std::move(text)}};
}

std::string config_file_of(const command_line& command, const environment_lookup& look_up) {
    if (!command.config_file.empty()) {
        return command.config_file;
    }
    const char* const named = look_up(config_file_variable);
    return named == nullptr ? "" : named;
}

} // namespace

tl::expected<configuration, refusal> resolve(
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up
) {
    const config_schema schema{roles};
    configuration made = schema.defaults();
    if (const std::string file = config_file_of(command, look_up); !file.empty()) {
        if (const auto read = read_config_file(file, schema, made); !read) {
            return refuse(exit_configuration, read.error().text);
        }
    }
    const auto applied = apply_environment(made, schema, command, roles, look_up);
    if (!applied) {
        return refuse(exit_configuration, applied.error().text);
    }
    for (const assignment& each : command.settings) {
        if (each.key == "distributor.workers") {
            // The registry is one process: its state is not shared.
            if (each.text != "1") {
                return refuse(exit_usage, each.flag + ": a distributor has exactly one worker");
            }
            continue;
        }
        const auto set = config_schema::set_text(made, *schema.find(each.key), each.text);
        if (!set) {
            return refuse(exit_usage, fmt::format("{}: {}", each.flag, set.error().text));
        }
    }
    return made;
}

const char* process_environment(const char* name) {
    return std::getenv(name); // NOLINT(concurrency-mt-unsafe): before any thread
}

} // namespace msd::app
