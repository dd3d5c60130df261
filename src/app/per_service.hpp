// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"

#include <functional>
#include <optional>
#include <string>

namespace msd::app {

/// One of the commands migrate, export, import and compare.
using store_command = std::function<int(const command_line&, const configuration&)>;

/// Whether a command that opens the data of the services runs once for each service: the store is
/// SQLite, and the data directory is split (app/role_directories.hpp). Its directories belong to
/// different users, and a command of root becomes the owner for good; so each run is a process of
/// its own.
[[nodiscard]] bool is_run_per_service(const configuration& configured);

struct service_outputs {
    int exit_code = 0;
    std::string elements; // of the JSON arrays that the processes printed, separated by commas
};

/// Runs a command with --json in one process for each service that it concerns. Ends at the first
/// failure; a comparison goes on. Call it before any thread starts.
[[nodiscard]] service_outputs collect_per_service(
    const command_line& command,
    const configuration& configured,
    const store_command& run
);

/// Runs a command, once for each service if it has to be. With --json the outputs are joined to one
/// array. Returns the exit code.
[[nodiscard]] int run_on_store(
    const command_line& command,
    const configuration& configured,
    const store_command& run
);

} // namespace msd::app
