// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"

namespace msd::app {

/// `msd migrate`: migrates the schemas of all services to those of this build, or lists the steps
/// with --dry-run. Returns the exit code.
[[nodiscard]] int migrate_stores(const command_line& command, const configuration& configured);

} // namespace msd::app
