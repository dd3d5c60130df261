// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"
#include "base/result.hpp"
#include "process/privileges.hpp"

#include <optional>

// Where in the life of a master and its workers root is given up. How that is done is
// process/privileges'.
namespace msd::app {

/// The step between binding the ports and everything else: what only root can make is made, and the
/// process becomes `owner`, if there is one. From here on no program it starts can gain privileges.
/// errc::denied, errc::unavailable; the process must end then.
[[nodiscard]] result<void> give_up_root(
    const configuration& configured,
    verb command,
    const std::optional<process::identity>& owner
);

/// Says so in the log when nobody has decided whether this instance is to be root.
void warn_of_root(const configuration& configured);

/// A worker of a master that gave root up is not root. True: it is, and must not serve.
[[nodiscard]] bool is_root_by_mistake(const configuration& configured);

} // namespace msd::app
