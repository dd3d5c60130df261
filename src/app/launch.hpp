// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"
#include "app/resolve.hpp"
#include "app/role_table.hpp"
#include "process/worker_description.hpp"

#include <span>
#include <string>
#include <tl/expected.hpp>
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

/// The configuration of a worker: of its master's command line, and of `config_descriptor`, a copy
/// of the file that its master read.
[[nodiscard]] tl::expected<configuration, refusal> worker_configuration(
    const command_line& command,
    std::span<const role_facts> roles,
    int config_descriptor
);

/// Runs the role that the master assigned to this process. Returns the exit code.
[[nodiscard]] int run_worker(
    const process::worker_description& own,
    const command_line& command,
    const configuration& configured,
    std::span<const role_facts> roles
);

} // namespace msd::app
