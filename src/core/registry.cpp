// SPDX-License-Identifier: Apache-2.0
#include "core/registry.hpp"

#include "core/topology_frames.hpp"
#include "wire/packet.hpp"

#include <algorithm>
#include <utility>

namespace msd::core {

registry::registry(std::uint64_t epoch, registry_settings settings)
    : settings_{settings},
      nodes_{epoch, settings.critical_for, settings.announce_within},
      last_list_{std::make_shared<const std::string>(list_frame(""))} {}

registry::peer_id registry::connect(std::string host, time_point now) {
    const peer_id id = ++last_peer_;
    peers_[id].host = std::move(host);
    outbox_.push_back({id, last_list_});
    if (list_due_ != time_point::max()) {
        prolong_gathering(now);
    }
    return id;
}

registry::peer_id registry::connect_unproven(std::string host) {
    const peer_id id = ++last_peer_;
    peers_[id].host = std::move(host);
    peers_[id].is_admitted = false;
    return id;
}

void registry::prove(peer_id id) {
    peers_.at(id).is_admitted = true;
    peers_.at(id).is_proven = true;
}

void registry::admit(peer_id id) {
    peers_.at(id).is_admitted = true;
    outbox_.push_back({id, last_list_});
}

void registry::follow(peer_id id, time_point now) {
    peers_.at(id).is_msd = true;
    subscribe(id, {}, {});
    greet(id, now);
}

result<void> registry::enroll(peer_id id, const registration& from_peer, time_point now) {
    connection& from = peers_.at(id);
    node_info node = from_peer.node;
    if (node.id.host.empty()) {
        node.id.host = from.host;
    }
    using enum node_list::completeness;
    const bool is_partial = node.proto >= wire::protocol_version && !from_peer.have;
    const auto held = nodes_.enroll(node, from.holds, now, is_partial ? partial : complete);
    if (!held) {
        return tl::unexpected{held.error()};
    }
    from.holds = *held;
    from.is_msd = node.proto >= wire::protocol_version;
    note_changes(now);
    if (!from.is_msd) {
        subscribers_.erase(id);
    } else if (from_peer.have) {
        subscribe(id, *from_peer.have, from_peer.interest);
        greet(id, now);
    } else {
        outbox_.push_back(
            {id, std::make_shared<const std::string>(announcement_frame(nodes_.now()))}
        );
    }
    return {};
}

void registry::subscribe(
    peer_id id,
    const revision& have,
    const std::vector<std::string>& interest
) {
    connection& subscriber = peers_.at(id);
    const bool is_same_epoch = have.epoch == nodes_.now().epoch;
    const bool asks_anew = !subscribers_.insert(id).second && subscriber.interest != interest;
    const auto known = is_same_epoch && !asks_anew ? nodes_.position_of(have.rev)
                                                   : std::optional<node_list::position>{};
    subscriber.needs_snapshot = !known;
    subscriber.knows = known.value_or(0);
    subscriber.sent_rev = have.rev;
    subscriber.interest = interest;
}

// A node that joins alone is informed at once: it may replace the only worker of a service.
void registry::greet(peer_id id, time_point now) {
    const bool is_first =
        last_greeted_ == time_point::min() || now - last_greeted_ >= settings_.gather_first;
    if (is_first) {
        last_greeted_ = now;
        new_subscriber_ = id;
    } else {
        plan_changes(now);
    }
}

void registry::deregister(
    peer_id id,
    std::string_view key,
    time_point now,
    std::optional<node_id> callers_of
) {
    connection& from = peers_.at(id);
    if (from.holds) {
        nodes_.withdraw(*from.holds);
        from.holds.reset();
        note_changes(now);
    } else if (from.is_msd && callers_of) {
        if (callers_of->host.empty()) {
            callers_of->host = from.host;
        }
        nodes_.note_lost_callers(*callers_of);
        note_changes(now);
    }
    if (from.is_msd) {
        pending_deregistrations_.push_back(
            {id, std::string{key}, nodes_.log_end(), nodes_.foreign_changes()}
        );
        acknowledge();
    }
}

void registry::disconnect(peer_id id, time_point now) {
    const connection& gone = peers_.at(id);
    if (gone.holds) {
        nodes_.lose(*gone.holds, now);
        note_changes(now);
    }
    std::erase_if(pending_deregistrations_, [&](const pending_deregistration& waiting) {
        return waiting.from == id;
    });
    subscribers_.erase(id);
    peers_.erase(id);
}

void registry::resume(peer_id id, time_point now) {
    connection& subscriber = peers_.at(id);
    if (!std::exchange(subscriber.is_lagging, false)) {
        return;
    }
    if (subscriber.is_msd) {
        plan_changes(now);
    } else {
        outbox_.push_back({id, last_list_});
    }
}

// Called after every event that may have changed the list: starts or prolongs gathering.
void registry::note_changes(time_point now) {
    if (noted_ != nodes_.log_end()) {
        noted_ = nodes_.log_end();
        plan_changes(now);
    }
    if (noted_foreign_ != nodes_.foreign_changes()) {
        noted_foreign_ = nodes_.foreign_changes();
        if (list_due_ == time_point::max()) {
            list_first_ = now;
        }
        prolong_gathering(now);
    }
}

void registry::prolong_gathering(time_point now) {
    list_due_ = std::min(now + settings_.gather_quiet, list_first_ + settings_.gather_longest);
}

// The first change is sent at once, changes that follow closely are sent together.
void registry::plan_changes(time_point now) {
    const bool is_first =
        last_sent_ == time_point::min() || now - last_sent_ >= settings_.gather_first;
    changes_due_ = std::min(changes_due_, is_first ? now : last_sent_ + settings_.gather_first);
}

time_point registry::due() const {
    if (new_subscriber_ || !outbox_.empty()) {
        return time_point::min();
    }
    return std::min({changes_due_, list_due_, nodes_.next_expiry()});
}

std::vector<registry::delivery> registry::advance(time_point now, const room_check& has_room) {
    nodes_.expire(now);
    note_changes(now);
    if (changes_due_ <= now) {
        send_changes(now, has_room);
    } else if (new_subscriber_ && subscribers_.contains(*new_subscriber_)) {
        shared_frames made;
        send_to(*new_subscriber_, made, has_room);
    }
    new_subscriber_.reset();
    if (list_due_ <= now) {
        send_list(has_room);
    }
    acknowledge();
    return std::exchange(outbox_, {});
}

void registry::send_changes(time_point now, const room_check& has_room) {
    changes_due_ = time_point::max();
    sent_ = nodes_.log_end();
    shared_frames made;
    for (const peer_id id : subscribers_) {
        if (send_to(id, made, has_room)) {
            last_sent_ = now;
        }
    }
}

// Queues the changes that a subscriber does not know yet. Returns whether there were any.
bool registry::send_to(peer_id id, shared_frames& made, const room_check& has_room) {
    connection& subscriber = peers_.at(id);
    const bool up_to_date = !subscriber.needs_snapshot && subscriber.knows == nodes_.log_end();
    if (subscriber.is_lagging || up_to_date) {
        return false;
    }
    if (!has_room(id)) {
        subscriber.is_lagging = true;
        return false;
    }
    need wanted{subscriber.needs_snapshot, 0, 0, subscriber.interest};
    if (!nodes_.reaches(subscriber.knows)) {
        wanted.snapshot = true;
    }
    if (!wanted.snapshot) {
        wanted.since = subscriber.knows;
        wanted.sent_rev = subscriber.sent_rev;
    }
    auto ready = made.find(wanted);
    if (ready == made.end()) {
        ready = made.emplace(wanted, frames_for(wanted)).first;
    }
    for (const frame& what : ready->second) {
        outbox_.push_back({id, what});
        subscriber.sent_rev = nodes_.now().rev;
    }
    subscriber.needs_snapshot = false;
    subscriber.knows = nodes_.log_end();
    return !ready->second.empty();
}

// No frames for a subscriber that is not interested in any of the changes: its next changes follow
// the revision of its last packet.
std::vector<registry::frame> registry::frames_for(const need& wanted) const {
    std::vector<frame> frames;
    if (!wanted.snapshot) {
        const auto [added, removed] = nodes_.changes_since(wanted.since, wanted.interest);
        if (!added.empty() || !removed.empty()) {
            const change_set changes{wanted.sent_rev, added, removed};
            frames.push_back(
                std::make_shared<const std::string>(changes_frame(nodes_.now(), changes))
            );
        }
        return frames;
    }
    // The members around the entries of a part take less than this.
    constexpr std::size_t envelope_bytes_max = 256;
    const auto parts =
        nodes_.msd_entries(snapshot_part_bytes_max - envelope_bytes_max, wanted.interest);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const snapshot_part part{parts[i], i, i + 1 < parts.size()};
        frames.push_back(std::make_shared<const std::string>(snapshot_frame(nodes_.now(), part)));
    }
    return frames;
}

void registry::send_list(const room_check& has_room) {
    list_due_ = time_point::max();
    sent_foreign_ = nodes_.foreign_changes();
    // Sent even when it is the same as before: see node_list::foreign_changes().
    last_list_ = std::make_shared<const std::string>(list_frame(nodes_.foreign_entries()));
    for (auto& [id, subscriber] : peers_) {
        if (subscriber.is_msd || subscriber.is_lagging || !subscriber.is_admitted) {
            continue;
        }
        if (has_room(id)) {
            outbox_.push_back({id, last_list_});
        } else {
            subscriber.is_lagging = true;
        }
    }
}

void registry::acknowledge() {
    std::erase_if(pending_deregistrations_, [&](const pending_deregistration& waiting) {
        if (!is_known_to_all(waiting)) {
            return false;
        }
        std::string reply;
        wire::append_reply(reply, waiting.key, {});
        outbox_.push_back({waiting.from, std::make_shared<const std::string>(std::move(reply))});
        return true;
    });
}

// A change counts as known once it was sent. Subscribers do not acknowledge.
bool registry::is_known_to_all(const pending_deregistration& waiting) const {
    return waiting.at <= sent_ && waiting.foreign_change <= sent_foreign_;
}

} // namespace msd::core
