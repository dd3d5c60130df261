// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"

namespace msd::app {

/// `msd migrate`: brings the schemas of all services to this build's, or tells with --dry-run what
/// that would take. Returns the exit code.
[[nodiscard]] int migrate_stores(const command_line& command, const configuration& configured);

} // namespace msd::app
