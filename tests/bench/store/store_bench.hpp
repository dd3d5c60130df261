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

/// Reads of one row by id per second, measured alternately: through the repository; by as many
/// threads as its pool has connections, each with one prepared statement; with a new connection for
/// each read.
[[nodiscard]] std::vector<figure>
mysql_reads(const std::string& url, const std::string& password, std::chrono::seconds each);

/// Durable inserts per second of one process and of four at once, and the longest wait of one of
/// the four. Forks: call it before any thread is started.
[[nodiscard]] std::vector<figure>
sqlite_writes(const std::string& directory, std::chrono::seconds each);

} // namespace msd::bench
