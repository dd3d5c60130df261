// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/node.hpp"
#include "core/registration.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace msd::core {

// What nodes take of a registry's limits.
struct room_use {
    std::size_t entries = 0;
    std::size_t foreign_bytes = 0; // of the list that foreign nodes are sent
    std::size_t msd_bytes = 0;     // of the descriptions that only msd nodes are sent
    std::size_t routes = 0;
    std::size_t extra_bytes = 0; // of descriptions of nodes that are already described otherwise

    room_use& operator+=(const room_use& other);
    room_use& operator-=(const room_use& other);
    bool operator==(const room_use&) const = default;
};

struct room_limits {
    // The whole list must fit a packet that foreign nodes accept; with schemas it may be larger.
    room_use total{nodes_max, 15u << 20, 64u << 20, 60'000, 16u << 20};
    // Of the nodes that one peer address registered without the proof of the cluster secret.
    room_use per_address{10'000, 10u << 20, 43u << 20, 40'000, 10u << 20};
    unsigned reserved_percent = 10;  // of the total: for nodes that are listed, and their growth
    milliseconds known_for{600'000}; // how long a node that left keeps its room, at most
};

// The limits of a registry, and who uses how much of them. A node that left keeps its room for as
// long as it was listed, at most `known_for`: so it can return to a registry that others have
// filled meanwhile. Who registered only briefly is forgotten as quickly.
class registry_room {
public:
    // A node that is to be listed, or whose description is to change.
    struct request {
        std::string_view address; // whose quota it counts against; empty: nobody's
        room_use freed;           // what the same node uses now
        room_use wanted;
        room_use freed_of_address; // the same for the quota of the address
        room_use wanted_of_address;
    };

    struct known_node {
        std::string address;
        room_use use;
        time_point until;
    };

    explicit registry_room(const room_limits& limits) : limits_{limits} {}

    /// errc::refused with a text that names the limit.
    [[nodiscard]] result<void> check(const request& wanted) const;

    void take(const room_use& use) { used_ += use; }
    void give_back(const room_use& use) { used_ -= use; }
    void charge(const std::string& address, const room_use& use);
    void discharge(const std::string& address, const room_use& use);

    /// The node `id` left and keeps its room; `since`: when it was listed first.
    void keep_room(const node_id& id, known_node&& left);
    /// The node returns, or its time is over.
    void release_room(const node_id& id);
    [[nodiscard]] const known_node* find_known(const node_id& id) const;
    void expire(time_point now);

    [[nodiscard]] const room_use& used() const { return used_; }
    [[nodiscard]] room_use used_by(const std::string& address) const;
    [[nodiscard]] const room_limits& limits() const { return limits_; }
    [[nodiscard]] const std::map<node_id, known_node>& known() const { return known_; }

private:
    room_limits limits_;
    room_use used_; // of listed nodes and of those that keep their room
    std::map<std::string, room_use, std::less<>> by_address_;
    std::map<node_id, known_node> known_;
    std::set<std::pair<time_point, node_id>> known_until_;
};

} // namespace msd::core
