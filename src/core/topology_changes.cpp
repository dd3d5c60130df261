// SPDX-License-Identifier: Apache-2.0
// How one list of nodes differs from the next.
#include "core/topology.hpp"

#include <algorithm>
#include <utility>

namespace msd::core {

// Compares one node of the list before with the known list; false when none is left.
bool topology::compare_next() {
    const auto before = old_.nodes.begin();
    const bool is_last = before == old_.nodes.end();
    const bool is_end = compared_ == listed_.nodes.end();
    if (is_last && is_end) {
        old_ = {};
        return false;
    }
    const bool is_removed = !is_last && (is_end || by_id{}(before->first, compared_->first));
    const bool is_added = !is_removed && (is_last || by_id{}(compared_->first, before->first));
    if (is_removed) {
        note(before->first, nullptr, 0);
    } else {
        note(is_added ? nullptr : before->first, compared_->first, compared_->second);
        ++compared_;
    }
    if (!is_added) {
        old_.nodes.erase(before);
    }
    return true;
}

void topology::note(
    const listed_node_ptr& before,
    const listed_node_ptr& after,
    std::uint64_t number
) {
    if (before == after || (before && after && before->info == after->info)) {
        return;
    }
    has_changed_ = true;
    const numbered_change fresh{{before, after}, number};
    const auto [place, is_new] = changes_.try_emplace(before ? before : after, fresh);
    if (!is_new) {
        place->second.change.after = after;
        place->second.number = number;
    }
}

std::vector<node_change> topology::take_changes() {
    std::vector<numbered_change> placed;
    placed.reserve(changes_.size());
    for (auto& [node, noted] : changes_) {
        const auto& [before, after] = noted.change;
        const bool is_none = before == after || (before && after && before->info == after->info);
        if (!is_none) {
            placed.push_back(std::move(noted));
        }
    }
    changes_.clear();
    std::stable_sort(placed.begin(), placed.end(), [](const auto& one, const auto& other) {
        return one.number < other.number;
    });
    std::vector<node_change> taken;
    taken.reserve(placed.size());
    for (numbered_change& each : placed) {
        taken.push_back(std::move(each.change));
    }
    return taken;
}

} // namespace msd::core
