// SPDX-License-Identifier: Apache-2.0
// How a registry is handed over to another process.
#include "core/registry.hpp"

#include <algorithm>

namespace msd::core {

namespace {

constexpr std::size_t key_bytes_max = 16u << 20; // as long as a packet may be
constexpr std::size_t peers_max = std::size_t{4} * nodes_max;

} // namespace

void registry::write(binary_writer& out) const {
    out.number(last_peer_).number(peers_.size());
    for (const auto& [id, each] : peers_) {
        out.number(id).text(each.host).number(each.holds.value_or(0));
        out.flag(each.is_admitted).flag(each.is_proven);
        out.flag(each.is_msd).flag(each.is_lagging).flag(subscribers_.contains(id));
        out.flag(each.needs_snapshot).number(each.knows).number(each.sent_rev);
        out.number(each.interest.size());
        for (const std::string& name : each.interest) {
            out.text(name);
        }
    }
    nodes_.write(out);
    out.number(pending_deregistrations_.size());
    for (const pending_deregistration& waiting : pending_deregistrations_) {
        out.number(waiting.from)
            .text(waiting.key)
            .number(waiting.at)
            .number(waiting.foreign_change);
    }
    out.number(noted_).number(noted_foreign_).number(sent_).number(sent_foreign_);
    out.time(last_sent_).time(last_greeted_).time(changes_due_).time(list_due_).time(list_first_);
}

result<registry> registry::read(binary_reader& in, registry_settings settings, frame last_list) {
    registry made{0, settings};
    made.last_list_ = std::move(last_list);
    made.read_peers(in);
    std::vector<node_list::place> holds;
    for (const auto& [id, each] : made.peers_) {
        if (each.holds) {
            holds.push_back(*each.holds);
        }
    }
    auto nodes =
        node_list::read(in, settings.critical_for, settings.announce_within, std::move(holds));
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
        if (const node_list::place held = in.number(); held != 0) {
            each.holds = held;
        }
        each.is_admitted = in.flag();
        each.is_proven = in.flag();
        each.is_msd = in.flag();
        each.is_lagging = in.flag();
        const bool subscribes = in.flag();
        each.needs_snapshot = in.flag();
        each.knows = in.number();
        each.sent_rev = in.number();
        for (std::size_t names = in.count(interest_max); names > 0; --names) {
            each.interest.emplace_back(in.text(name_bytes_max));
        }
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
        pending_deregistrations_.push_back(std::move(waiting));
    }
}

void registry::read_progress(binary_reader& in) {
    noted_ = in.number(nodes_.log_end());
    noted_foreign_ = in.number(nodes_.foreign_changes());
    sent_ = in.number(nodes_.log_end());
    sent_foreign_ = in.number(nodes_.foreign_changes());
    last_sent_ = in.time();
    last_greeted_ = in.time();
    changes_due_ = in.time();
    list_due_ = in.time();
    list_first_ = in.time();
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
