// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace msd::bench {

struct figure {
    std::string name;
    double value = 0;
    std::string unit;
};

/// Reads of one row by id, per second: through the repository, by as many threads as its pool has
/// connections with a kept prepared statement each, and with a connection for each read. In turns.
[[nodiscard]] std::vector<figure>
mysql_reads(const std::string& url, const std::string& password, std::chrono::seconds each);

/// Durable inserts per second of one process and of four at once, and the longest that one of the
/// four waited. Forks; call it before there are threads.
[[nodiscard]] std::vector<figure>
sqlite_writes(const std::string& directory, std::chrono::seconds each);

} // namespace msd::bench
