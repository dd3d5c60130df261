// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/config_row.hpp"
#include "core/route_settings.hpp"

#include <vector>

namespace msd::app {

using program_rows = std::vector<config::key<core::upstream_program_settings>>;

/// The keys of [upstream.NAME] that are policies of core/resilience.
void add_policies(program_rows& rows);
/// Those of its active checks, which add_policies() adds, too.
void add_checks(program_rows& rows);

} // namespace msd::app
