// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/mysql/connection.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace msd::store::mysql {

// The lock for changes of a database's schema. On a single server it is a named lock, which the
// server releases when the connection ends. Nodes of a cluster do not share named locks: there a
// committed row is a second lock, which is valid for ten minutes unless it is renewed. If it
// expires during a longer step, two processes execute the same step at once; steps are written for
// that.
class migration_lock {
public:
    static constexpr int wait_s = 3;
    static constexpr std::chrono::seconds row_counts_for{600};

    enum class cluster : std::uint8_t { ask_server, yes };

    explicit migration_lock(connection& on, cluster is_cluster = cluster::ask_server)
        : on_{on},
          cluster_{is_cluster} {}
    /// Removes the row; the named lock is released when the connection is closed.
    ~migration_lock();
    migration_lock(const migration_lock&) = delete;
    migration_lock& operator=(const migration_lock&) = delete;

    /// errc::refused: another process has held the lock for longer than wait_s.
    [[nodiscard]] result<void> take();
    /// errc::refused: the row has expired and another process has taken the lock.
    [[nodiscard]] result<void> renew();

private:
    [[nodiscard]] result<void> take_name();
    [[nodiscard]] result<bool> is_cluster();
    [[nodiscard]] result<void> take_row();

    connection& on_;
    cluster cluster_;
    std::string owner_; // in the row; empty: no row is held
};

} // namespace msd::store::mysql
