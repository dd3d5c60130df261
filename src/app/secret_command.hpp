// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"

namespace msd::app {

/// `msd secret new FILE`: creates the file with a random secret, for its owner only. Returns the
/// exit code; a file that exists is not changed.
[[nodiscard]] int make_secret(const command_line& command);

} // namespace msd::app
