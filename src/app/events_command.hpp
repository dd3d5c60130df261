// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"

namespace msd::app {

/// `msd events …`. Returns the exit code.
[[nodiscard]] int
show_or_change_events(const command_line& command, const configuration& configured);

} // namespace msd::app
