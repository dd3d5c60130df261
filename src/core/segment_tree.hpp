// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core {

// The segments of many paths as a tree in a few arrays, so that a step from one segment to the next
// costs the same however many paths there are: one probe of a hash table whose memory is small.
// Several trees share it, each with a root of its own. Places are never removed. The names of hosts
// lead to their roots in the same table. core/configured_routes.hpp uses it.
class segment_tree {
public:
    using place = std::uint32_t;
    static constexpr place nowhere = UINT32_MAX;
    static constexpr std::uint32_t nothing = UINT32_MAX;

    struct node {
        place variable = nowhere;       // where any segment leads that has no place of its own
        std::uint32_t full = nothing;   // what paths find that end here
        std::uint32_t prefix = nothing; // what paths find that go on here
        bool has_literals = false;
    };

    // What leads from where. Hosts lead from no place: `exact_host` and `wildcard_host`.
    static constexpr place exact_host = UINT32_MAX - 1;
    static constexpr place wildcard_host = UINT32_MAX - 2;

    [[nodiscard]] place add_root();
    /// The place to which `segment` leads from `from`; made when there is none.
    [[nodiscard]] place add(place from, std::string_view segment);
    [[nodiscard]] place add_variable(place from);

    [[nodiscard]] place find(place from, std::string_view segment) const;
    [[nodiscard]] const node& at(place where) const { return nodes_[where]; }
    [[nodiscard]] node& at(place where) { return nodes_[where]; }
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }

private:
    struct edge {
        std::uint32_t hash = 0;
        place from = nowhere;
        place to = nowhere; // nowhere: the slot is free
        std::uint32_t text = 0;
        std::uint32_t bytes = 0;
    };

    [[nodiscard]] static std::uint32_t hash_of(place from, std::string_view segment);
    [[nodiscard]] std::size_t slot_of(std::uint32_t hash, place from, std::string_view text) const;
    void grow();

    std::vector<node> nodes_;
    std::vector<edge> edges_; // a power of two, at most half of them in use
    std::size_t edges_used_ = 0;
    std::string texts_;
};

} // namespace msd::core
