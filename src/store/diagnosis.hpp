// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/migration_report.hpp"
#include "store/open.hpp"

#include <string>
#include <vector>

namespace msd::store {

// The state of a store as seen from this machine, for administrators.
struct diagnosis {
    std::string kind;  // "SQLite", "MariaDB", "MySQL"
    std::string where; // directory, or host:port/database
    std::string version;
    double latency_ms = 0;            // of the fastest of several round trips
    std::string tls;                  // the cipher; empty: not encrypted, or no server
    std::string collation;            // of new tables; empty: the embedded store
    std::int64_t connections_max = 0; // of the server, for all its clients; 0: no server
    std::vector<migration_report> schemas;
    std::vector<std::string> advice; // problems and what to do about each; empty: no problem
};

/// Connects and inspects; changes nothing. Blocks for up to the connect timeout; needs no executor.
/// Errors: as migrate_all(); the text contains what to do.
[[nodiscard]] result<diagnosis> diagnose(const store_settings& settings);

} // namespace msd::store
