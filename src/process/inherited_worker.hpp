// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "process/worker_description.hpp"

#include <optional>
#include <string_view>

namespace msd::process {

/// The worker's first step: takes over what the master left in the environment and the descriptor
/// table. Nothing when this process was not started by a master. Otherwise the descriptors are
/// close-on-exec, HUP, INT, QUIT, USR1, USR2 and PIPE are ignored (the master speaks through the
/// control channel; a terminal sends INT and QUIT to the whole group), and TERM comes when the
/// master dies. Call it once, before any thread. Errors: errc::invalid, the variable is no
/// master's; errc::closed, the master is already gone.
[[nodiscard]] result<std::optional<worker_description>> inherited_worker();

/// Tells the master why this worker cannot run, before there is a role to do it.
void say_fatal(const worker_description& own, std::string_view why);

} // namespace msd::process
