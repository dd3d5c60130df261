// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

// The receiving end of `msd ctl upgrade`: this program takes over a running master.
namespace msd::app {

/// When this process was started to take over a master, or to answer whether it can, does so and
/// returns the exit code; otherwise returns nothing. Has to be called first in the program.
[[nodiscard]] std::optional<int> resume();

} // namespace msd::app
