// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"
#include "base/result.hpp"
#include "process/privileges.hpp"

#include <optional>

// When a master drops root privileges, and how workers check it. process/privileges does the work.
namespace msd::app {

/// Runs after the ports are bound: creates what only root can create, and switches the process to
/// `owner`, if there is one. Programs that it starts later cannot gain privileges. errc::denied,
/// errc::unavailable; the process must exit then.
[[nodiscard]] result<void> give_up_root(
    const configuration& configured,
    verb command,
    const std::optional<process::identity>& owner
);

/// Logs a warning when the instance runs as root and no user is configured.
void warn_of_root(const configuration& configured);

/// True when a worker is root although its master had to drop root: it must not serve.
[[nodiscard]] bool is_root_by_mistake(const configuration& configured);

} // namespace msd::app
