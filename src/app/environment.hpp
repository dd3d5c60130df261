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

// The MSD_ variables: what flags set can be set by the environment too. A variable that is empty
// counts as not set.
namespace msd::app {

inline constexpr const char* config_file_variable = "MSD_CONFIG";

inline constexpr const char* store_password_variable = "MSD_STORE_PASSWORD";
inline constexpr const char* cache_password_variable = "MSD_CACHE_PASSWORD";
inline constexpr const char* other_password_variable = "MSD_OTHER_PASSWORD";

/// The value of a variable, null when it is not set; std::getenv in the program.
using environment_lookup = std::function<const char*(const char* name)>;

/// Sets in `into` what the environment says about `command`. errc::invalid, `MSD_PORT: …`.
[[nodiscard]] result<void> apply_environment(
    configuration& into,
    const config_schema& schema,
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up
);

/// Needs a restart to take effect: what a file says of it later is for the instance that follows.
[[nodiscard]] bool is_fixed(std::string_view key);

/// Tells the processes of this instance that follow, workers and masters, what it began with.
void fix(const configuration& running, const config_schema& schema);

/// What fix() said, to whom it was said.
void apply_fixed(
    configuration& into,
    const config_schema& schema,
    const environment_lookup& look_up
);

/// The variables and what they mean, for --help.
[[nodiscard]] std::string describe_environment(std::span<const role_facts> roles);

} // namespace msd::app
