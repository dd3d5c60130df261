// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"
#include "app/role_table.hpp"
#include "base/result.hpp"
#include "process/master.hpp"
#include "process/worker_pool.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

// The settings of a master that a fresh start and an upgrade in place share: its pools, its log,
// what it prints, and how it applies a changed configuration.
namespace msd::app {

/// The roles that `command` runs, and admin, which it may run: see has_admin().
[[nodiscard]] std::vector<role_facts>
roles_of(const command_line& command, std::span<const role_facts> roles);

[[nodiscard]] bool has_admin(const command_line& command, const configuration& configured);

[[nodiscard]] int
workers_of(const role_facts& role, const configuration& configured, bool all_on_one_machine);

/// The number of workers of a role without a configured number: one per core; under `msd up` at
/// most two for a service. With two workers no request fails while one of them is replaced; more
/// would slow down the start and compete for the cores with the gateway, which does most of the
/// work.
[[nodiscard]] int default_workers(role_kind kind, bool all_on_one_machine, int cores);

/// The settings of a pool that depend on its role alone; without workers and sockets.
[[nodiscard]] process::pool_settings pool_of(const role_facts& role);

/// The address by which programs on this machine connect to a socket that listens on `host`.
[[nodiscard]] std::string local_host(std::string_view host);

/// errc::unavailable: the file cannot be opened; the log stays as it was.
[[nodiscard]] result<void> configure_log(const configuration& configured);

/// Without the members that differ between a fresh start and an upgrade: command line, program,
/// lock, socket.
[[nodiscard]] process::master_settings master_settings_of(
    const command_line& command,
    const configuration& configured,
    const std::vector<process::pool_settings>& pools,
    std::span<const role_facts> roles
);

} // namespace msd::app
