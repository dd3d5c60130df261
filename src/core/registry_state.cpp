// SPDX-License-Identifier: Apache-2.0
// How a registry is handed over to another process.
#include "core/registry.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace msd::core {

namespace {

constexpr std::size_t key_bytes_max = 16u << 20; // as long as a packet may be
constexpr std::size_t peers_max = std::size_t{4} * nodes_max;

} // namespace

void registry::write(binary_writer& out) const {
    out.number(last_peer_).number(peers_.size());
    for (const auto& [id, each] : peers_) {
        out.number(id).text(each.host).flag(each.is_admitted).flag(each.is_proven);
        out.flag(each.is_msd).flag(each.is_lagging).flag(subscribers_.contains(id));
        out.flag(each.was_sent_list).flag(each.has_sent);
        out.flag(list_queue_.contains(id)).flag(changes_queue_.contains(id));
        // A snapshot that was sent in part is sent again.
        out.flag(each.needs_snapshot || each.snapshot.next != 0);
        out.number(each.knows).number(each.sent_rev);
        out.number(each.interest.size());
        for (const std::string& name : each.interest) {
            out.text(name);
        }
    }
    nodes_.write(out);
    const auto is_answered = [this](const pending_deregistration& waiting) {
        return peers_.contains(waiting.from);
    };
    out.number(static_cast<std::uint64_t>(
        std::count_if(pending_deregistrations_.begin(), pending_deregistrations_.end(), is_answered)
    ));
    for (const pending_deregistration& waiting : pending_deregistrations_) {
        if (!is_answered(waiting)) {
            continue;
        }
        out.number(waiting.from)
            .text(waiting.key)
            .number(waiting.at)
            .number(waiting.foreign_change);
    }
    out.number(noted_).number(noted_foreign_).number(queued_).number(sent_);
    out.number(list_change_).number(sent_foreign_);
    // A list that is being made is made again.
    const time_point list_due = making_ ? time_point::min() : list_due_;
    out.time(last_sent_).time(last_greeted_).time(changes_due_).time(list_due).time(list_first_);
}

result<registry> registry::read(binary_reader& in, registry_settings settings, frame last_list) {
    registry made{0, settings};
    made.last_list_ = std::move(last_list);
    made.read_peers(in);
    auto nodes = node_list::read(in, made.list_settings(), [&made](peer_id id) {
        return made.peers_.contains(id);
    });
    if (!nodes) {
        return tl::unexpected{std::move(nodes.error())};
    }
    made.nodes_ = std::move(*nodes);
    made.read_deregistrations(in);
    made.read_progress(in);
    if (in.failed()) {
        return fail(errc::malformed, "the state of the registry is malformed");
    }
    return made;
}

void registry::read_peers(binary_reader& in) {
    last_peer_ = in.counter();
    peer_id before = 0;
    for (std::size_t left = in.count(peers_max); left > 0; --left) {
        const peer_id id = in.number(last_peer_);
        connection& each = peers_[id];
        each.host = in.text(host_bytes_max);
        each.is_admitted = in.flag();
        each.is_proven = in.flag();
        each.is_msd = in.flag();
        each.is_lagging = in.flag();
        const bool subscribes = in.flag();
        each.was_sent_list = in.flag();
        each.has_sent = in.flag();
        const bool waits_for_list = in.flag();
        const bool waits_for_changes = in.flag();
        each.needs_snapshot = in.flag();
        each.knows = in.number();
        each.sent_rev = in.number();
        std::vector<std::string> interest;
        for (std::size_t names = in.count(interest_max); names > 0; --names) {
            interest.emplace_back(in.text(name_bytes_max));
        }
        set_interest(each, interest);
        const bool sorted = std::is_sorted(each.interest.begin(), each.interest.end());
        if (id <= before || !sorted || (subscribes && !each.is_msd)) {
            in.refuse();
        }
        if (in.failed()) {
            return;
        }
        if (subscribes) {
            subscribers_.insert(id);
        }
        if (waits_for_list) {
            list_queue_.push(id);
        }
        if (waits_for_changes) {
            changes_queue_.push(id);
        }
        before = id;
    }
}

void registry::read_deregistrations(binary_reader& in) {
    for (std::size_t left = in.count(peers_max); left > 0; --left) {
        pending_deregistration waiting;
        waiting.from = in.number();
        waiting.key = in.text(key_bytes_max);
        waiting.at = in.number(nodes_.log_end());
        waiting.foreign_change = in.number(nodes_.foreign_changes());
        if (!peers_.contains(waiting.from)) {
            in.refuse();
        }
        if (in.failed()) {
            return;
        }
        pending_key_bytes_ += waiting.key.size();
        pending_deregistrations_.push_back(std::move(waiting));
    }
}

void registry::read_progress(binary_reader& in) {
    noted_ = in.number(nodes_.log_end());
    noted_foreign_ = in.number(nodes_.foreign_changes());
    queued_ = in.number(nodes_.log_end());
    sent_ = in.number(nodes_.log_end());
    list_change_ = in.number(nodes_.foreign_changes());
    sent_foreign_ = in.number(nodes_.foreign_changes());
    last_sent_ = in.time();
    last_greeted_ = in.time();
    changes_due_ = in.time();
    list_due_ = in.time();
    list_first_ = in.time();
    changes_queue_.mark(queued_);
    list_queue_.mark(list_change_);
    const auto is_ahead = [this](const auto& each) {
        return each.second.knows > nodes_.log_end();
    };
    // These times have passed, and other times are computed from them.
    const auto last = std::max({last_sent_, last_greeted_, list_first_});
    if (last == time_point::max() || std::any_of(peers_.begin(), peers_.end(), is_ahead)) {
        in.refuse();
    }
}

std::vector<registry::peer_id> registry::peer_ids() const {
    std::vector<peer_id> ids;
    ids.reserve(peers_.size());
    for (const auto& [id, each] : peers_) {
        ids.push_back(id);
    }
    return ids;
}

} // namespace msd::core
