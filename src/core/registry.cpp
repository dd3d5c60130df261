// SPDX-License-Identifier: Apache-2.0
#include "core/registry.hpp"

#include "wire/packet.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace msd::core {

namespace {

constexpr std::size_t interest_bytes_max = 8u << 20;    // of all connections together
constexpr std::size_t pending_key_bytes_max = 4u << 20; // of all deregistrations together

std::size_t bytes_of(const std::vector<std::string>& interest) {
    const auto add = [](std::size_t sum, const std::string& name) {
        return sum + sizeof(std::string) + name.size();
    };
    return std::accumulate(interest.begin(), interest.end(), std::size_t{0}, add);
}

} // namespace

registry::registry(std::uint64_t epoch, registry_settings settings)
    : settings_{settings},
      nodes_{epoch, list_settings()},
      last_list_{std::make_shared<const std::string>(list_frame(""))} {}

node_list::settings registry::list_settings() const {
    return {settings_.critical_for, settings_.announce_within, settings_.limits};
}

registry::peer_id registry::connect(std::string host, time_point now) {
    const peer_id id = ++last_peer_;
    connection& made = peers_[id];
    made.host = std::move(host);
    if (last_list_->size() <= settings_.list_at_accept_bytes_max) {
        made.was_sent_list = true;
        outbox_.push_back({id, last_list_});
    }
    if (list_due_ != time_point::max()) {
        prolong_gathering(now);
    }
    return id;
}

void registry::note_packet(peer_id from) {
    connection& sender = peers_.at(from);
    if (!std::exchange(sender.has_sent, true) && !sender.was_sent_list) {
        list_queue_.push(from);
    }
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
    nodes_.prove(id);
}

void registry::admit(peer_id id) {
    peers_.at(id).is_admitted = true;
    list_queue_.push(id);
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
    if (!takes_interest(from, from_peer)) {
        return fail(errc::refused, "the registry is full: it has no room for more interests");
    }
    using enum node_list::completeness;
    const bool is_partial = node.proto >= wire::protocol_version && !from_peer.have;
    const node_list::holder holder{id, from.host, from.is_proven};
    if (auto held = nodes_.enroll(holder, node, now, is_partial ? partial : complete); !held) {
        return held;
    }
    from.has_sent = true;
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

bool registry::takes_interest(const connection& of, const registration& wanted) const {
    const std::size_t others = interest_bytes_ - bytes_of(of.interest);
    return !wanted.have || others + bytes_of(wanted.interest) <= interest_bytes_max;
}

void registry::set_interest(connection& of, const std::vector<std::string>& interest) {
    interest_bytes_ -= bytes_of(of.interest);
    of.interest = interest;
    interest_bytes_ += bytes_of(of.interest);
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
    subscriber.snapshot = {};
    subscriber.knows = known.value_or(0);
    subscriber.sent_rev = have.rev;
    set_interest(subscriber, interest);
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
    const connection& from = peers_.at(id);
    if (nodes_.holds(id)) {
        nodes_.withdraw(id, now);
        note_changes(now);
    } else if (from.is_msd && callers_of) {
        if (callers_of->host.empty()) {
            callers_of->host = from.host;
        }
        nodes_.note_lost_callers(*callers_of);
        note_changes(now);
    }
    if (!from.is_msd) {
        return;
    }
    pending_deregistration waiting{
        id,
        std::string{key},
        nodes_.log_end(),
        nodes_.foreign_changes()};
    if (pending_key_bytes_ + key.size() > pending_key_bytes_max) {
        waiting.at = waiting.foreign_change = 0; // is answered at once
    }
    pending_key_bytes_ += key.size();
    pending_deregistrations_.push_back(std::move(waiting));
    acknowledge();
}

void registry::disconnect(peer_id id, time_point now) {
    if (nodes_.holds(id)) {
        nodes_.lose(id, now);
        note_changes(now);
    }
    set_interest(peers_.at(id), {});
    subscribers_.erase(id);
    peers_.erase(id);
}

void registry::resume(peer_id id, time_point /*now*/) {
    connection& subscriber = peers_.at(id);
    if (!std::exchange(subscriber.is_lagging, false)) {
        return;
    }
    if (subscriber.is_msd) {
        changes_queue_.push(id);
    } else {
        list_queue_.push(id);
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
    const milliseconds gap = std::max(settings_.gather_first, changes_pause_);
    const bool is_first = last_sent_ == time_point::min() || now - last_sent_ >= gap;
    changes_due_ = std::min(changes_due_, is_first ? now : last_sent_ + gap);
}

time_point registry::due() const {
    const bool has_news = noted_ != nodes_.log_end() || noted_foreign_ != nodes_.foreign_changes();
    if (new_subscriber_ || !outbox_.empty() || has_news || making_ || !changes_queue_.empty() ||
        !list_queue_.empty()) {
        return time_point::min();
    }
    const time_point list =
        list_due_ == time_point::max() ? list_due_ : std::max(list_due_, lists_resume_);
    return std::min({changes_due_, list, nodes_.next_expiry()});
}

// The changes of a deregistration are known when they were sent. Subscribers do not acknowledge.
void registry::acknowledge() {
    while (!pending_deregistrations_.empty() && is_known_to_all(pending_deregistrations_.front())) {
        const pending_deregistration& waiting = pending_deregistrations_.front();
        if (peers_.contains(waiting.from)) {
            std::string reply;
            wire::append_reply(reply, waiting.key, {});
            outbox_.push_back({waiting.from, std::make_shared<const std::string>(std::move(reply))}
            );
        }
        pending_key_bytes_ -= waiting.key.size();
        pending_deregistrations_.pop_front();
    }
}

bool registry::is_known_to_all(const pending_deregistration& waiting) const {
    return waiting.at <= sent_ && waiting.foreign_change <= sent_foreign_;
}

} // namespace msd::core
