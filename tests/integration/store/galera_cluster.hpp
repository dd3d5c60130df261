// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "integration/store/mariadb_server.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>

namespace msd::test {

// Three MariaDB servers that form a Galera cluster on the loopback. After construction all nodes
// are synchronized. A node that was stopped rejoins with start() and gets missing data from another
// node.
class galera_cluster {
public:
    static constexpr std::size_t size = 3;

    galera_cluster();

    [[nodiscard]] mariadb_server& node(std::size_t index) { return *nodes_.at(index).server; }
    /// Starts a stopped node and waits until it is synchronized.
    void rejoin(std::size_t index);
    /// Whether the node is in the cluster and synchronized.
    [[nodiscard]] bool in_step(std::size_t index);
    /// "mysql://msd@A,B,C/msd", beginning with node `first`.
    [[nodiscard]] std::string url(std::size_t first = 0) const;

private:
    struct member {
        reserved_port group;    // group communication
        reserved_port changes;  // incremental transfer
        reserved_port snapshot; // full transfer
        std::unique_ptr<mariadb_server> server;
    };

    [[nodiscard]] mariadb_settings settings_of(std::size_t index) const;
    void wait_in_step(std::size_t index);

    std::array<member, size> nodes_;
};

} // namespace msd::test
