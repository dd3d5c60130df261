// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"

#include <span>

// Commands that look and ask instead of running a node: answers on standard output, complaints on
// standard error, the exit code as the result.
namespace msd::app {

[[nodiscard]] int show_nodes(const command_line& command, const configuration& configured);
[[nodiscard]] int show_routes(const command_line& command, const configuration& configured);
[[nodiscard]] int show_status(const command_line& command, const configuration& configured);
[[nodiscard]] int control_instance(const command_line& command, const configuration& configured);
[[nodiscard]] int call_service(const command_line& command, const configuration& configured);
/// msd export and msd import.
[[nodiscard]] int transfer_rows(const command_line& command, const configuration& configured);
[[nodiscard]] int compare_rows(const command_line& command, const configuration& configured);
/// Reads the file, then connects to what it names. 78: the file; 1: the store.
[[nodiscard]] int check_file(const command_line& command, std::span<const role_facts> roles);

} // namespace msd::app
