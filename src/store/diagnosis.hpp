// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/migration_report.hpp"
#include "store/open.hpp"

#include <string>
#include <vector>

namespace msd::store {

// What a store looks like from this machine, for people who set one up.
struct diagnosis {
    std::string kind;  // "SQLite", "MariaDB", "MySQL"
    std::string where; // directory, or host:port/database
    std::string version;
    double latency_ms = 0;            // of the quickest of a few round trips
    std::string tls;                  // the cipher; empty: not encrypted, or no server
    std::string collation;            // how texts are told apart; empty: the embedded store
    std::int64_t connections_max = 0; // of the server, for all its clients; 0: no server
    std::vector<migration_report> schemas;
    std::vector<std::string> advice; // what is wrong, and what to do about it; empty: nothing
};

/// Connects and looks; changes nothing. Blocks for as long as connecting may take; needs no
/// executor. Errors: as migrate_all(); the text says what to do.
[[nodiscard]] result<diagnosis> diagnose(const store_settings& settings);

} // namespace msd::store
