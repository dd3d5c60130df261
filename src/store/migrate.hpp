// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/migration_report.hpp"
#include "store/open.hpp"

#include <cstdint>
#include <vector>

namespace msd::store {

enum class migrating : std::uint8_t { for_real, dry_run };

/// Brings the schema of every service to this build's, as a service does when it opens its store,
/// or only looks what that would take. Returns what was found, and the steps that were missing, in
/// the order of the services. Blocks, for as long as large tables take; needs no executor. Errors:
/// store/open.hpp, and errc::unavailable for a server that is down; the services before it are done
/// then.
[[nodiscard]] result<std::vector<migration_report>>
migrate_all(const store_settings& settings, migrating how);

} // namespace msd::store
