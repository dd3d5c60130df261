// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "integration/store/mariadb_server.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>

namespace msd::test {

// Three MariaDB servers that are one Galera cluster on the loopback, all in it and in step when it
// is constructed. A node that ended comes back with start() and takes what it missed from another.
class galera_cluster {
public:
    static constexpr std::size_t size = 3;

    galera_cluster();

    [[nodiscard]] mariadb_server& node(std::size_t index) { return *nodes_.at(index).server; }
    /// Starts a node that ended and waits until it is in step.
    void rejoin(std::size_t index);
    /// The node takes part and has everything.
    [[nodiscard]] bool in_step(std::size_t index);
    /// "mysql://msd@A,B,C/msd", beginning with node `first`.
    [[nodiscard]] std::string url(std::size_t first = 0) const;

private:
    struct member {
        reserved_port group;    // the nodes' talk
        reserved_port changes;  // what a node missed
        reserved_port snapshot; // all data
        std::unique_ptr<mariadb_server> server;
    };

    [[nodiscard]] mariadb_settings settings_of(std::size_t index) const;
    void wait_in_step(std::size_t index);

    std::array<member, size> nodes_;
};

} // namespace msd::test
