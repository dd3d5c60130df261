// SPDX-License-Identifier: Apache-2.0
#include "core/node_list.hpp"

#include <algorithm>
#include <cassert>

namespace msd::core {

namespace {

bool is_wanted(const node_id& id, std::span<const std::string> interest) {
    return interest.empty() || std::binary_search(interest.begin(), interest.end(), id.name);
}

void join(std::string& list, std::string_view element) {
    list += list.empty() ? "" : ",";
    list += element;
}

} // namespace

node_list::node_list(std::uint64_t epoch, milliseconds critical_for, milliseconds announce_within)
    : epoch_{epoch},
      critical_for_{critical_for},
      announce_within_{announce_within} {}

result<node_list::place> node_list::enroll(
    const node_info& node,
    std::optional<place> held,
    time_point now,
    completeness how_much
) {
    expire(now);
    texts entries{foreign_entry(node), node.proto >= wire::protocol_version ? msd_entry(node) : ""};
    const auto known = index_.find(node.id);
    const bool is_new = known == index_.end();
    if (auto room = check_room(entries, is_new && !held); !room) {
        return tl::unexpected{room.error()};
    }
    if (!is_new) {
        place where = known->second;
        if (held != where) {
            if (held) {
                withdraw(*held);
            }
            if (nodes_.at(where).critical()) {
                where = take_back(where);
            } else {
                ++foreign_changes_;
            }
            ++nodes_.at(where).holders;
        }
        update(nodes_.at(where), node, std::move(entries));
        if (how_much == completeness::complete) {
            announce(where);
        }
        return where;
    }
    if (held) {
        withdraw(*held);
    }
    // The entry of a connection that registers another node keeps its place.
    const bool is_free = held && !nodes_.contains(*held);
    const place where = is_free ? *held : ++last_place_;
    insert(where, node, std::move(entries));
    if (how_much == completeness::complete) {
        announce(where);
    } else {
        put(where, standing::unannounced, now + announce_within_);
    }
    return where;
}

result<void> node_list::check_room(const texts& entries, bool is_new) const {
    if (entries.foreign.size() > entry_bytes_max || entries.msd.size() > entry_bytes_max) {
        return fail(
            errc::too_large,
            "the registration is larger than " + std::to_string(entry_bytes_max) + " bytes"
        );
    }
    const bool full = is_new && nodes_.size() >= nodes_max;
    if (full || foreign_bytes_ + entries.foreign.size() > foreign_bytes_max ||
        msd_bytes_ + entries.msd.size() > msd_bytes_max) {
        return fail(errc::refused, "the registry is full");
    }
    return {};
}

void node_list::insert(place where, const node_info& node, texts&& entries) {
    member& made = nodes_[where];
    made.id = std::make_shared<const node_id>(node.id);
    made.foreign_text = std::move(entries.foreign);
    made.msd_text = std::move(entries.msd);
    made.has_routes = !node.routes.empty();
    made.holders = 1;
    made.state = standing::unannounced;
    index_.emplace(node.id, where);
    count_bytes(made, 1);
    ++foreign_changes_;
    report(event::joined, made);
}

void node_list::update(member& known, const node_info& node, texts&& entries) {
    const bool foreign_same = known.foreign_text == entries.foreign;
    // The first registration of an msd node has no routes: routes that were registered before, by
    // this worker or another one of the node, stay valid.
    const bool keeps_routes =
        foreign_same && known.has_routes && !entries.msd.empty() && node.routes.empty();
    if (keeps_routes || (foreign_same && known.msd_text == entries.msd)) {
        return;
    }
    count_bytes(known, -1);
    known.foreign_text = std::move(entries.foreign);
    known.msd_text = std::move(entries.msd);
    known.has_routes = !node.routes.empty();
    count_bytes(known, 1);
    if (known.announced()) {
        record_revision(known, false);
    }
    foreign_changes_ += foreign_same ? 0 : 1;
}

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
    record_state(back, true);
    ++foreign_changes_;
    report(event::returned, back);
    return last_place_;
}

void node_list::withdraw(place held) {
    member& node = nodes_.at(held);
    assert(node.holders > 0);
    ++foreign_changes_;
    if (--node.holders == 0) {
        erase(held, event::deregistered);
    }
}

void node_list::note_lost_callers(const node_id& of) {
    const auto known = index_.find(of);
    if (known != index_.end() && !nodes_.at(known->second).critical()) {
        ++foreign_changes_;
    }
}

void node_list::lose(place held, time_point now) {
    member& node = nodes_.at(held);
    assert(node.holders > 0);
    ++foreign_changes_;
    if (--node.holders > 0) {
        return;
    }
    announce(held);
    put(held, standing::critical, now + critical_for_);
    record_state(node, false);
    report(event::lost, node);
}

void node_list::expire(time_point now) {
    while (!expiries_.empty() && expiries_.begin()->first <= now) {
        const place where = expiries_.begin()->second;
        if (nodes_.at(where).critical()) {
            erase(where, event::forgotten);
        } else {
            announce(where);
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
    count_bytes(gone->second, -1);
    index_.erase(*gone->second.id);
    nodes_.erase(gone);
}

void node_list::count_bytes(const member& node, int sign) {
    const std::size_t count = static_cast<std::size_t>(sign); // wraps around for -1
    foreign_bytes_ += count * node.foreign_text.size();
    msd_bytes_ += count * node.msd_text.size();
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

node_list::delta
node_list::changes_since(position since, std::span<const std::string> interest) const {
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
        join(changes.removed, identity);
    }
    for (const place where : present) {
        const member& node = nodes_.at(where);
        const std::string& entry_text = node.entry_for_msd();
        join(changes.added, node.critical() ? as_critical(entry_text) : entry_text);
    }
    return changes;
}

std::vector<std::string>
node_list::msd_entries(std::size_t bytes_max, std::span<const std::string> interest) const {
    std::vector<std::string> parts(1);
    for (const auto& [where, node] : nodes_) {
        if (!node.announced() || !is_wanted(*node.id, interest)) {
            continue;
        }
        const std::string& entry_text = node.entry_for_msd();
        const std::string entry = node.critical() ? as_critical(entry_text) : entry_text;
        if (!parts.back().empty() && parts.back().size() + 1 + entry.size() > bytes_max) {
            parts.emplace_back();
        }
        join(parts.back(), entry);
    }
    return parts;
}

std::string node_list::foreign_entries() const {
    std::string entries;
    entries.reserve(foreign_bytes_ + nodes_.size());
    for (const auto& [where, node] : nodes_) {
        if (!node.critical()) {
            join(entries, node.foreign_text);
        }
    }
    return entries;
}

} // namespace msd::core
