// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "process/worker_description.hpp"

#include <optional>
#include <string_view>

namespace msd::process {

/// The worker's first step: reads what the master left in the environment and the descriptor table.
/// Returns nothing when this process was not started by a master. Otherwise the descriptors are
/// close-on-exec; HUP, INT, QUIT, USR1, USR2, PIPE, TTIN and TTOU are ignored (commands come
/// through the control channel, and a terminal sends signals to the whole group); and a signal ends
/// the worker when the master dies. Call it once, before any thread is started. errc::invalid: the
/// variable was not set by a master; errc::closed: the master has already ended.
[[nodiscard]] result<std::optional<worker_description>> inherited_worker();

/// Reports to the master why this worker cannot run, before a role exists that could.
void report_fatal(const worker_description& own, std::string_view why);

} // namespace msd::process
