// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

// The other end of `msd ctl upgrade`: this program takes the place of a master that runs already.
namespace msd::app {

/// When this process was started to take a master over, or to say whether it could, does that and
/// returns the exit code; nothing otherwise. The first thing the program does.
[[nodiscard]] std::optional<int> resume();

} // namespace msd::app
