// SPDX-License-Identifier: Apache-2.0
// How one list of nodes differs from the next.
#include "core/topology.hpp"

#include <algorithm>
#include <utility>

namespace msd::core {

// Makes the staged list the known one. Both are in the order of identities.
void topology::replace_all() {
    const node_set old = std::exchange(listed_, std::exchange(staged_, {}));
    auto before = old.nodes.begin();
    auto after = listed_.nodes.begin();
    while (before != old.nodes.end() || after != listed_.nodes.end()) {
        const bool is_last = before == old.nodes.end();
        const bool is_removed =
            !is_last && (after == listed_.nodes.end() || by_id{}(before->first, after->first));
        const bool is_added = !is_removed && (is_last || by_id{}(after->first, before->first));
        if (is_removed) {
            note((before++)->first, nullptr);
        } else if (is_added) {
            note(nullptr, (after++)->first);
        } else {
            note((before++)->first, (after++)->first);
        }
    }
}

void topology::note(const listed_node_ptr& before, const listed_node_ptr& after) {
    if (before == after || (before && after && before->info == after->info)) {
        return;
    }
    has_changed_ = true;
    const auto [place, is_new] =
        changes_.try_emplace(before ? before : after, node_change{before, after});
    if (!is_new) {
        place->second.after = after;
    }
}

std::vector<node_change> topology::take_changes() {
    std::vector<std::pair<std::uint64_t, node_change>> placed; // removals at 0
    placed.reserve(changes_.size());
    for (auto& [node, change] : std::exchange(changes_, {})) {
        const auto& [before, after] = change;
        const bool is_none = before == after || (before && after && before->info == after->info);
        if (!is_none) {
            placed.emplace_back(after ? listed_.nodes.find(after)->second : 0, change);
        }
    }
    std::stable_sort(placed.begin(), placed.end(), [](const auto& one, const auto& other) {
        return one.first < other.first;
    });
    std::vector<node_change> taken;
    taken.reserve(placed.size());
    for (auto& [number, change] : placed) {
        taken.push_back(std::move(change));
    }
    return taken;
}

} // namespace msd::core
