// SPDX-License-Identifier: Apache-2.0
#include "core/segment_tree.hpp"

#include <functional>
#include <utility>

namespace msd::core {

namespace {

constexpr std::size_t edges_at_first = 16;

} // namespace

segment_tree::place segment_tree::add_root() {
    nodes_.emplace_back();
    return static_cast<place>(nodes_.size() - 1);
}

segment_tree::place segment_tree::add(place from, std::string_view segment) {
    if (2 * (edges_used_ + 1) > edges_.size()) {
        grow();
    }
    const std::uint32_t hash = hash_of(from, segment);
    edge& found = edges_[slot_of(hash, from, segment)];
    if (found.to == nowhere) {
        found = {hash, from, add_root(), 0, 0};
        found.text = static_cast<std::uint32_t>(texts_.size());
        found.bytes = static_cast<std::uint32_t>(segment.size());
        texts_ += segment;
        ++edges_used_;
        if (from < nodes_.size()) {
            nodes_[from].has_literals = true;
        }
    }
    return found.to;
}

segment_tree::place segment_tree::add_variable(place from) {
    if (nodes_[from].variable == nowhere) {
        const place made = add_root();
        nodes_[from].variable = made;
    }
    return nodes_[from].variable;
}

segment_tree::place segment_tree::find(place from, std::string_view segment) const {
    return edges_.empty() ? nowhere : edges_[slot_of(hash_of(from, segment), from, segment)].to;
}

std::uint32_t segment_tree::hash_of(place from, std::string_view segment) {
    // The multiplier spreads neighbouring places over the table.
    constexpr std::uint64_t multiplier = 0x9E3779B97F4A7C15;
    const std::uint64_t text = std::hash<std::string_view>{}(segment);
    return static_cast<std::uint32_t>((text ^ (from + 1) * multiplier) >> 16);
}

// The slot of the edge, or the free slot where it belongs.
std::size_t segment_tree::slot_of(std::uint32_t hash, place from, std::string_view text) const {
    const std::size_t mask = edges_.size() - 1;
    std::size_t slot = hash & mask;
    for (; edges_[slot].to != nowhere; slot = (slot + 1) & mask) {
        const edge& each = edges_[slot];
        if (each.hash == hash && each.from == from &&
            std::string_view{texts_}.substr(each.text, each.bytes) == text) {
            break;
        }
    }
    return slot;
}

void segment_tree::grow() {
    std::vector<edge> larger(edges_.empty() ? edges_at_first : 2 * edges_.size());
    std::swap(larger, edges_);
    for (const edge& each : larger) {
        if (each.to != nowhere) {
            const std::string_view text = std::string_view{texts_}.substr(each.text, each.bytes);
            edges_[slot_of(each.hash, each.from, text)] = each;
        }
    }
}

} // namespace msd::core
