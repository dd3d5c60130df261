// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/migration_report.hpp"
#include "store/open.hpp"

#include <string>
#include <vector>

namespace msd::store {

struct migration_request {
    bool dry_run = false; // only find out what would be done
    bool finish = false;  // also end the sharing of adopted tables with the existing deployment
    // Only these; empty: all.
    std::vector<std::string> services{}; // NOLINT(readability-redundant-member-init): -Wextra
};

/// Brings the schema of every service to this build's, as a service does when it opens its store.
/// Returns what was found and the steps that were missing, in the order of the services. Blocks for
/// as long as large tables take; needs no executor. Errors: store/open.hpp; errc::unavailable for a
/// server that is down; errc::invalid for rows that keep finishing from being done. The services
/// before the one that failed are done then.
[[nodiscard]] result<std::vector<migration_report>>
migrate_all(const store_settings& settings, const migration_request& wanted);

} // namespace msd::store
