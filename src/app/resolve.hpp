// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/config_schema.hpp"
#include "app/configuration.hpp"
#include "app/environment.hpp"

#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>

namespace msd::app {

constexpr int exit_failed = 1;
constexpr int exit_internal = 70;
constexpr int exit_configuration = 78;

// The reason why the program ends before it does anything.
struct refusal {
    int exit_code = exit_failed;
    std::string text; // for people, without the program's name
};

/// The configuration of `command`: a flag overrides the environment, which overrides the file,
/// which overrides the default. The text of the file is read from `config_descriptor` when that is
/// not -1. Exit code of a refusal: 78 for a wrong file or variable and for a flag whose key depends
/// on the host, 2 for any other wrong flag.
[[nodiscard]] tl::expected<configuration, refusal> resolve(
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up,
    int config_descriptor = -1
);

// The text of a configuration file, and its name for messages.
struct file_text {
    std::string name;
    std::string text;
};

/// The two parts of resolve() that need no change of this process and no other file: the text of
/// the configuration file of `command`, nothing when there is none, …
[[nodiscard]] tl::expected<std::optional<file_text>, refusal>
read_file_of(const command_line& command, const environment_lookup& look_up, int config_descriptor);
/// … and the values of file, environment and flags. Uses no state of the process except
/// `look_up`, so any thread can call it.
[[nodiscard]] tl::expected<configuration, refusal> resolve_values(
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up,
    const std::optional<file_text>& file
);

/// std::getenv.
[[nodiscard]] const char* process_environment(const char* name);

} // namespace msd::app
