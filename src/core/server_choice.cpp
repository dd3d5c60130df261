// SPDX-License-Identifier: Apache-2.0
#include "core/server_choice.hpp"

#include <algorithm>

namespace msd::core {

server_choice::server_choice(settings chosen) : settings_{chosen}, servers_(chosen.servers) {}

void server_choice::answered(std::size_t server, const server_report& report, time_point asked) {
    server_state& state = servers_[server];
    if (asked < state.answered_at) {
        return;
    }
    state = {.up = true, .known = true, .last = report, .answered_at = asked};
    choose_primary();
    if (primary_ != server || !report.position) {
        return;
    }
    // Of equal positions only the one with the newest time is kept.
    if (!positions_.empty() && positions_.back().position == *report.position) {
        positions_.pop_back();
    }
    if (positions_.size() == positions_max) {
        positions_.pop_front();
    }
    positions_.push_back({asked, *report.position});
}

void server_choice::failed(std::size_t server, time_point now) {
    servers_[server].up = false;
    servers_[server].known = true;
    servers_[server].answered_at = now;
    choose_primary();
}

void server_choice::refused_write(std::size_t server, time_point now) {
    servers_[server].refuses_writes = true;
    servers_[server].answered_at = now;
    choose_primary();
}

bool server_choice::is_replica(std::size_t server) const {
    return server >= settings_.servers - settings_.replicas;
}

bool server_choice::takes_writes(std::size_t server) const {
    const server_state& state = servers_[server];
    return state.up && !state.refuses_writes && takes_writes(state.last, is_replica(server));
}

// Whether `other` is the better primary than `best`, which precedes it in the order of preference.
// Nodes of one cluster are equal. Otherwise one of the two is the primary from before a promotion:
// the server that replicates, or that has less data.
bool server_choice::is_better(std::size_t other, std::size_t best) const {
    const server_report& left = servers_[other].last;
    const server_report& right = servers_[best].last;
    if (left.in_cluster && right.in_cluster) {
        return false;
    }
    if (left.replicating != right.replicating) {
        return right.replicating;
    }
    return left.position && right.position && !right.position->covers(*left.position);
}

// Keeps the present primary: after a promotion the old primary may return and accept writes that no
// server replicates. The first choice waits until all servers were queried, so that the old primary
// is not chosen because it answered first.
void server_choice::choose_primary() {
    if (primary_ && takes_writes(*primary_)) {
        return;
    }
    primary_.reset();
    for (std::size_t each = 0; each < servers_.size(); ++each) {
        if (takes_writes(each) && (!primary_ || is_better(each, *primary_))) {
            primary_ = each;
        }
    }
    const bool all_known = std::ranges::all_of(servers_, &server_state::known);
    if (primary_ && !all_known && !servers_[*primary_].last.in_cluster) {
        primary_.reset();
    }
    if (primary_ && measured_ != primary_) {
        measured_ = primary_;
        positions_.clear();
    }
}

std::optional<std::size_t> server_choice::reader(
    std::optional<std::uint64_t> thing,
    const recent_writes& writes,
    time_point now
) {
    const bool fresh = thing ? writes.within(*thing, settings_.lag_max, now)
                             : writes.any_within(settings_.lag_max, now);
    if (fresh) {
        return primary_;
    }
    const std::size_t first = settings_.servers - settings_.replicas;
    for (std::size_t i = 0; i < settings_.replicas; ++i) {
        last_reader_ = (last_reader_ + 1) % settings_.replicas;
        if (is_current(first + last_reader_, now)) {
            return first + last_reader_;
        }
    }
    return primary_;
}

// The newest position of the primary that `server` covers.
const server_choice::passed* server_choice::newest_covered(std::size_t server) const {
    const auto& reached = servers_[server].last.position;
    if (!reached) {
        return nullptr;
    }
    const auto covered =
        std::find_if(positions_.rbegin(), positions_.rend(), [&](const passed& each) {
            return reached->covers(each.position);
        });
    return covered == positions_.rend() ? nullptr : &*covered;
}

// While no server accepts writes there are no new changes: then a replica is current when it has
// the last known position of the primary.
bool server_choice::is_current(std::size_t server, time_point now) const {
    const server_state& state = servers_[server];
    if (!state.up || !state.last.ready) {
        return false;
    }
    const auto* const covered = newest_covered(server);
    if (covered == nullptr) {
        return false;
    }
    return primary_ ? now - covered->at <= settings_.lag_max : covered == &positions_.back();
}

std::optional<milliseconds> server_choice::lag(std::size_t server, time_point now) const {
    const auto* const covered = newest_covered(server);
    if (!servers_[server].up || covered == nullptr) {
        return std::nullopt;
    }
    return std::chrono::duration_cast<milliseconds>(now - covered->at);
}

std::size_t server_choice::writable() const {
    std::size_t count = 0;
    bool cluster_counted = false;
    for (std::size_t each = 0; each < servers_.size(); ++each) {
        if (!takes_writes(each)) {
            continue;
        }
        const bool in_cluster = servers_[each].last.in_cluster;
        count += in_cluster && cluster_counted ? 0 : 1;
        cluster_counted = cluster_counted || in_cluster;
    }
    return count;
}

} // namespace msd::core
