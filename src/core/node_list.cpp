// SPDX-License-Identifier: Apache-2.0
#include "core/node_list.hpp"

#include <algorithm>
#include <cassert>

namespace msd::core {

namespace {

bool is_wanted(const node_id& id, std::span<const std::string> interest) {
    return interest.empty() || std::binary_search(interest.begin(), interest.end(), id.name);
}

// Nodes and claims; the rest is done with the next call.
constexpr std::size_t expired_at_once_max = 1000;

void append_element(std::string& list, std::string_view element) {
    list += list.empty() ? "" : ",";
    list += element;
}

void append_entry(std::string& list, const std::string& entry, bool is_critical) {
    append_element(list, is_critical ? as_critical(entry) : entry);
}

} // namespace

node_list::node_list(std::uint64_t epoch, const settings& chosen)
    : epoch_{epoch},
      settings_{chosen},
      room_{chosen.limits} {}

// From now on the node is sent to msd nodes.
void node_list::announce(place where) {
    const member& node = nodes_.at(where);
    if (!node.announced()) {
        put(where, standing::present, time_point::max());
        record_revision(node, false);
    }
}

void node_list::put(place where, standing state, time_point until) {
    member& node = nodes_.at(where);
    expiries_.erase({node.until, where});
    if (until != time_point::max()) {
        expiries_.emplace(until, where);
    }
    node.state = state;
    node.until = until;
}

// A critical node registers again: it becomes the last one of the list, as foreign nodes see it.
node_list::place node_list::take_back(place where) {
    put(where, standing::present, time_point::max());
    auto moved = nodes_.extract(where);
    moved.key() = ++last_place_;
    const member& back = nodes_.insert(std::move(moved)).position->second;
    index_[*back.id] = last_place_;
    for (const node_claims::claim& each : back.claims.all()) {
        if (each.holders == 0) {
            claim_expiries_.emplace(each.until, last_place_);
        }
    }
    record_state(back, true);
    ++foreign_changes_;
    report(event::returned, back);
    return last_place_;
}

void node_list::note_lost_callers(const node_id& of) {
    const auto known = index_.find(of);
    if (known != index_.end() && !nodes_.at(known->second).critical()) {
        ++foreign_changes_;
    }
}

void node_list::expire(time_point now) {
    expire_claims(now);
    room_.expire(now);
    for (std::size_t left = expired_at_once_max; left > 0; --left) {
        if (expiries_.empty() || expiries_.begin()->first > now) {
            return;
        }
        const place where = expiries_.begin()->second;
        if (nodes_.at(where).critical()) {
            keep_room(nodes_.at(where), now);
            erase(where, event::forgotten);
        } else {
            announce(where);
        }
    }
}

// Claims that nobody holds any more. Nothing waits for it: they only use room.
void node_list::expire_claims(time_point now) {
    for (std::size_t left = expired_at_once_max; left > 0; --left) {
        if (claim_expiries_.empty() || claim_expiries_.begin()->first > now) {
            return;
        }
        const auto found = nodes_.find(claim_expiries_.begin()->second);
        claim_expiries_.erase(claim_expiries_.begin());
        if (found != nodes_.end()) {
            discharge(found->second);
            found->second.claims.expire(now, found->second.listed.get());
            charge(found->second);
        }
    }
}

time_point node_list::next_expiry() const {
    return expiries_.empty() ? time_point::max() : expiries_.begin()->first;
}

void node_list::erase(place where, event why) {
    const auto gone = nodes_.find(where);
    report(why, gone->second);
    if (gone->second.announced()) {
        record_revision(gone->second, true);
    }
    expiries_.erase({gone->second.until, where});
    contested_.erase(where);
    discharge(gone->second);
    index_.erase(*gone->second.id);
    nodes_.erase(gone);
}

void node_list::record_revision(const member& changed, bool removed) {
    ++rev_;
    record({rev_, changed.id, removed});
}

void node_list::record_state(const member& changed, bool moved) {
    record({rev_ + 1, changed.id, moved});
}

void node_list::record(change&& made) {
    log_.push_back(std::move(made));
    if (log_.size() > changes_kept_max) {
        forgotten_rev_ = log_.front().rev;
        log_.pop_front();
        ++log_begin_;
    }
}

std::optional<node_list::position> node_list::position_of(std::uint64_t rev) const {
    if (rev < forgotten_rev_ || rev > rev_) {
        return std::nullopt;
    }
    const auto next = std::upper_bound(
        log_.begin(),
        log_.end(),
        rev,
        [](std::uint64_t known, const change& made) { return known < made.rev; }
    );
    return log_begin_ + static_cast<position>(next - log_.begin());
}

std::optional<node_list::delta> node_list::changes_since(
    position since,
    std::span<const std::string> interest,
    std::size_t bytes_max
) const {
    assert(reaches(since));
    std::set<place> present;
    std::set<node_id> removed;
    for (position at = since; at < log_end(); ++at) {
        const change& made = log_[static_cast<std::size_t>(at - log_begin_)];
        if (!is_wanted(*made.id, interest)) {
            continue;
        }
        if (made.removed) {
            removed.insert(*made.id);
        }
        const auto found = index_.find(*made.id);
        if (found != index_.end() && nodes_.at(found->second).announced()) {
            present.insert(found->second);
        }
    }
    delta changes;
    for (const node_id& id : removed) {
        std::string identity;
        append_identity(identity, id);
        append_element(changes.removed, identity);
    }
    for (const place where : present) {
        const member& node = nodes_.at(where);
        append_entry(changes.added, node.listed->for_msd(), node.critical());
        if (changes.added.size() + changes.removed.size() > bytes_max) {
            return std::nullopt;
        }
    }
    return changes;
}

node_list::part node_list::msd_part(
    place from,
    std::span<const std::string> interest,
    std::size_t bytes_max,
    std::size_t examined_max
) const {
    part made;
    for (auto at = nodes_.lower_bound(from); at != nodes_.end(); ++at) {
        const member& node = at->second;
        const std::string& entry = node.listed->for_msd();
        const bool is_sent = node.announced() && is_wanted(*node.id, interest);
        const std::size_t bytes =
            is_sent ? 1 + entry.size() + (node.critical() ? critical_mark_bytes : 0) : 0;
        const bool is_full = !made.entries.empty() && made.entries.size() + bytes > bytes_max;
        if (is_full || made.examined == examined_max) {
            made.next = at->first;
            break;
        }
        ++made.examined;
        if (is_sent) {
            append_entry(made.entries, entry, node.critical());
        }
    }
    return made;
}

std::vector<node_claims::text> node_list::foreign_nodes() const {
    std::vector<node_claims::text> all;
    all.reserve(nodes_.size());
    for (const auto& [where, node] : nodes_) {
        if (!node.critical()) {
            all.push_back(node.listed);
        }
    }
    return all;
}

} // namespace msd::core
