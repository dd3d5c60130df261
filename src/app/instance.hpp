// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"
#include "app/role_table.hpp"
#include "base/result.hpp"
#include "process/master.hpp"
#include "process/pool.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a master of this program is like, whether it begins anew or takes the place of another one:
// its pools, its log, what it says and what a changed configuration means to it.
namespace msd::app {

/// The roles that `command` runs.
[[nodiscard]] std::vector<role_facts>
roles_of(const command_line& command, std::span<const role_facts> roles);

[[nodiscard]] int
workers_of(const role_facts& role, const configuration& configured, bool all_on_one_machine);

/// How many workers a role gets that nobody gave a number: one per core; under `msd up` at most two
/// for a service. Two are enough there that one can die or be replaced unnoticed, while the
/// gateway, which does most of the work, gets the machine and the start stays quick.
[[nodiscard]] int default_workers(role_kind kind, bool all_on_one_machine, int cores);

/// What a pool is like because of its role alone; without workers and sockets.
[[nodiscard]] process::pool_settings pool_of(const role_facts& role);

/// Where programs on this machine reach what listens on `host`.
[[nodiscard]] std::string local_host(std::string_view host);

/// errc::unavailable: the file cannot be opened; the log stays what it was.
[[nodiscard]] result<void> configure_log(const configuration& configured);

/// Without what is told apart by how the master began: command line, program, lock, socket.
[[nodiscard]] process::master_settings master_settings_of(
    const command_line& command,
    const configuration& configured,
    const std::vector<process::pool_settings>& pools,
    std::span<const role_facts> roles
);

} // namespace msd::app
