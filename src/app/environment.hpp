// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/config_schema.hpp"
#include "app/role_table.hpp"
#include "base/result.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>

// The MSD_ variables, which set the same keys as flags do. An empty variable counts as not set.
namespace msd::app {

/// The role that a command runs alone; empty for `up` and for commands that run none.
[[nodiscard]] std::string_view role_of(const command_line& command);

inline constexpr const char* config_file_variable = "MSD_CONFIG";

inline constexpr const char* store_password_variable = "MSD_STORE_PASSWORD";
inline constexpr const char* registry_secret_variable = "MSD_REGISTRY_SECRET";
inline constexpr const char* cache_password_variable = "MSD_CACHE_PASSWORD";
inline constexpr const char* other_password_variable = "MSD_OTHER_PASSWORD";

/// The value of a variable, null when it is not set; std::getenv in the program.
using environment_lookup = std::function<const char*(const char* name)>;

/// Sets in `into` what the environment says about `command`: variables of keys that the command
/// reads and that none of its flags sets. A port variable with a URL, as container platforms set it
/// for a service of that name, is ignored with a warning. errc::invalid, `MSD_PORT: …`.
[[nodiscard]] result<void> apply_environment(
    configuration& into,
    const config_schema& schema,
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up
);

/// Stores the texts that need a restart in this process's environment, for the workers and masters
/// of this instance that are started from it: the file may have other values by then.
void fix(const configuration& running, const config_schema& schema);

/// Sets in `into` what fix() stored.
void apply_fixed(
    configuration& into,
    const config_schema& schema,
    const environment_lookup& look_up
);

/// The variables and what they mean, for --help.
[[nodiscard]] std::string describe_environment(std::span<const role_facts> roles);

} // namespace msd::app
