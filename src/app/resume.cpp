// SPDX-License-Identifier: Apache-2.0
#include "app/resume.hpp"

#include "app/environment.hpp"
#include "app/instance.hpp"
#include "app/resolve.hpp"
#include "app/runtime_files.hpp"
#include "app/secret.hpp"
#include "base/log.hpp"
#include "process/limits.hpp"
#include "process/master.hpp"
#include "process/pid_file.hpp"
#include "process/signal_queue.hpp"
#include "process/takeover.hpp"

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

result<void> can_resume(const process::master_state& left, std::span<const role_facts> roles) {
    for (const process::pool_state& pool : left.pools) {
        if (find_role(roles, pool.name) == nullptr) {
            return fail(errc::invalid, "this program has no role " + pool.name);
        }
    }
    return {};
}

int resume_master(
    const command_line& command,
    const configuration& configured,
    process::master_state left,
    std::span<const role_facts> roles
) {
    process::signal_queue signals;
    process::allow_core_dumps(configured.core_dumps);
    if (const auto logging = configure_log(configured); !logging) {
        // The master runs without its log file rather than not at all.
        log::error("{}; the master logs to standard error", logging.error().text);
    }
    const auto lock = process::pid_file::adopt(
        std::move(left.pid_file.path),
        unique_fd{left.pid_file.descriptor}
    );
    std::vector<process::pool_settings> pools;
    for (const process::pool_state& each : left.pools) {
        process::pool_settings& pool = pools.emplace_back(pool_of(*find_role(roles, each.name)));
        pool.workers = static_cast<int>(each.slots.size());
        pool.listeners.host = each.host;
        pool.listeners.port = each.port;
        for (const int socket : each.listeners) {
            pool.listeners.sockets.emplace_back(socket);
        }
    }
    configuration fixed = configured;
    apply_fixed(fixed, config_schema{roles}, process_environment);
    const topology_files kept{fixed, pools};
    configuration running = configured;
    running.secrets_digest = digest_of_unknown_secrets(configured, process_environment);
    process::master_settings settings = master_settings_of(command, running, pools, roles);
    settings.command_line = left.command_line;
    settings.program_path = left.program;
    settings.lock = &lock;
    process::master master{
        std::move(settings),
        std::move(signals),
        std::move(pools),
        std::move(left)};
    const auto code = master.run();
    if (!code) {
        log::error("{}", code.error().text);
    }
    return code.value_or(exit_internal);
}

// The input of a program that takes over a master, or answers whether it can: the state of the old
// master, with command line and configuration as this program parses them.
struct resumption {
    process::inherited_master left;
    command_line command;
    configuration configured;
};

result<std::optional<resumption>> resumption_of_process() {
    auto left = process::taken_over();
    if (!left) {
        return tl::unexpected{std::move(left.error())};
    }
    if (!*left) {
        return std::nullopt;
    }
    const process::master_state& state = (*left)->state;
    const auto roles = all_roles();
    const std::vector<std::string>& words = state.command_line;
    auto parsed = parse_command_line({words.begin() + 1, words.end()}, roles);
    if (!parsed.command) {
        return fail(errc::invalid, "the command line of the master: " + parsed.text);
    }
    auto configured = resolve(*parsed.command, roles, process_environment, state.config);
    if (!configured) {
        return fail(errc::invalid, configured.error().text);
    }
    if (auto known = can_resume(state, roles); !known) {
        return tl::unexpected{std::move(known.error())};
    }
    configured->text.reset(); // the state of the master includes the file
    return resumption{std::move(**left), std::move(*parsed.command), std::move(*configured)};
}

} // namespace

std::optional<int> resume() {
    auto given = resumption_of_process();
    if (process::is_takeover_question()) {
        return process::answer_takeover(given.map([](const auto&) {}));
    }
    if (!given) {
        log::complain(given.error().text);
        return exit_internal;
    }
    if (!*given) {
        return std::nullopt;
    }
    resumption& found = **given;
    return resume_master(found.command, found.configured, std::move(found.left.state), all_roles());
}

} // namespace msd::app
