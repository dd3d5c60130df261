// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"

#include <span>

// Commands that run no node: they print results on standard output and errors on standard error,
// and return the exit code.
namespace msd::app {

[[nodiscard]] int show_nodes(const command_line& command, const configuration& configured);
[[nodiscard]] int show_routes(const command_line& command, const configuration& configured);
[[nodiscard]] int show_status(const command_line& command, const configuration& configured);
[[nodiscard]] int control_instance(const command_line& command, const configuration& configured);
[[nodiscard]] int inject_fault(const command_line& command, const configuration& configured);
[[nodiscard]] int explain_request(const command_line& command, const configuration& configured);
[[nodiscard]] int show_top(const command_line& command, const configuration& configured);
[[nodiscard]] int call_service(const command_line& command, const configuration& configured);
/// msd export and msd import.
[[nodiscard]] int transfer_rows(const command_line& command, const configuration& configured);
[[nodiscard]] int compare_rows(const command_line& command, const configuration& configured);
/// msd check: 78 for a wrong file, 1 for a server that cannot be used.
[[nodiscard]] int check_file(const command_line& command, std::span<const role_facts> roles);

} // namespace msd::app
