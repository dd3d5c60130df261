// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"
#include "app/role_table.hpp"
#include "process/worker_description.hpp"

#include <span>
#include <string>
#include <vector>

// From a configuration to running processes: the master with its pools, and the role in a worker.
namespace msd::app {

/// Binds the ports, claims the pid file, and runs as the master of the pools of `command` until
/// they are stopped. Returns the exit code. `arguments` is the whole command line; workers get the
/// same one.
[[nodiscard]] int run_master(
    const command_line& command,
    const configuration& configured,
    const std::vector<std::string>& arguments,
    std::span<const role_facts> roles
);

/// Runs the role that the master assigned to this process. Returns the exit code.
[[nodiscard]] int run_worker(
    const process::worker_description& own,
    const configuration& configured,
    std::span<const role_facts> roles
);

} // namespace msd::app
