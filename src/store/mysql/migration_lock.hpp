// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/mysql/connection.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace msd::store::mysql {

// Whose turn it is to change the schema of a database. On one server it is a named lock, which the
// server lets go of with its connection. The nodes of a cluster do not see each other's named
// locks: there it is a committed row besides, which counts for ten minutes unless it is renewed.
// Should it run out under a step that takes longer, two processes make the same step at once, which
// steps bear.
class migration_lock {
public:
    static constexpr int wait_s = 3;
    static constexpr std::chrono::seconds row_counts_for{600};

    enum class cluster : std::uint8_t { ask_server, yes };

    explicit migration_lock(connection& on, cluster is_cluster = cluster::ask_server)
        : on_{on},
          cluster_{is_cluster} {}
    /// Lets go of the row; the named lock goes with the connection.
    ~migration_lock();
    migration_lock(const migration_lock&) = delete;
    migration_lock& operator=(const migration_lock&) = delete;

    /// errc::refused: another one has held it for longer than wait_s.
    [[nodiscard]] result<void> take();
    /// errc::refused: it was lost to another one.
    [[nodiscard]] result<void> renew();

private:
    [[nodiscard]] result<void> take_name();
    [[nodiscard]] result<bool> is_cluster();
    [[nodiscard]] result<void> take_row();

    connection& on_;
    cluster cluster_;
    std::string owner_; // of the row; empty: no row is held
};

} // namespace msd::store::mysql
