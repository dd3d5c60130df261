// SPDX-License-Identifier: Apache-2.0
// How a connection detects that its peer is late or hung, or that a call is overdue.
#include "base/log.hpp"
#include "upstream/upstream_connection.hpp"

#include <algorithm>
#include <vector>

namespace msd::upstream {

// Sees to a call that has just been sent.
void upstream_connection::guard_call(const outgoing& request) {
    deadline soon = request.until.sooner(deadline{guard_.until()});
    if (request.limit != nullptr) {
        soon = soon.sooner(request.limit->until);
    }
    if (msd_) {
        soon = soon.sooner(deadline::in(ping_when_busy));
    } else if (is_on_trial()) {
        soon = soon.sooner(deadline{trial_late_at()});
    }
    guard_.set(soon);
}

void upstream_connection::on_guard() {
    const auto self = weak_from_this().lock();
    const time_point at = clock::now();
    if (state_ == state::greeting) {
        greeting_.set(false);
    }
    expire_tries(at);
    expire(at);
    if (at >= flush_until_) {
        close();
    }
    if (msd_ && state_ != state::closed) {
        watch_liveness(at);
    }
    if (is_trial_late()) {
        on_change_(); // the node may open a connection beside this one
    }
    if (state_ == state::closed) {
        return;
    }
    deadline next{flush_until_};
    if (is_on_trial() && !is_trial_late()) {
        next = next.sooner(deadline{trial_late_at()});
    }
    for (const auto& [key, waiting] : pending_) {
        next = next.sooner(waiting->until);
        if (waiting->limit != nullptr) {
            next = next.sooner(waiting->limit->until);
        }
    }
    for (const auto& [key, until] : abandoned_) {
        next = next.sooner(until);
    }
    if (msd_) {
        const auto silence = pending_.empty() ? settings_.ping_idle : ping_when_busy;
        next = next.sooner(
            ping_key_ ? deadline{std::max(ping_sent_, last_received_) + settings_.ping_timeout}
                      : deadline{std::max(last_received_ + silence, at + ping_when_busy)}
        );
    }
    guard_.set(next);
}

// Tries whose own limit is over, although the request has time left.
void upstream_connection::expire_tries(time_point at) {
    std::vector<std::uint64_t> late;
    for (const auto& [key, waiting] : pending_) {
        if (waiting->limit != nullptr && waiting->limit->until.passed(at)) {
            late.push_back(key);
        }
    }
    for (const std::uint64_t key : late) {
        const auto found = pending_.find(key);
        if (found == pending_.end()) {
            continue;
        }
        pending& waiting = *found->second;
        try_limit* const limit = std::exchange(waiting.limit, nullptr);
        if (limit->leaves()) {
            waiting.has_left = true;
            waiting.outcome.set(fail(errc::timeout, connection_.peer().text() + " is late"));
        }
    }
}

void upstream_connection::expire(time_point at) {
    std::vector<std::uint64_t> overdue;
    for (const auto& [key, waiting] : pending_) {
        if (waiting->until.passed(at)) {
            overdue.push_back(key);
        }
    }
    for (const std::uint64_t key : overdue) {
        const auto found = pending_.find(key);
        if (found != pending_.end()) {
            pending& waiting = *found->second;
            pending_.erase(found);
            waiting.outcome.set(fail(errc::timeout, connection_.peer().text() + " did not answer"));
        }
    }
    const auto unanswered =
        std::erase_if(abandoned_, [at](const auto& entry) { return entry.second.passed(at); });
    if (!overdue.empty() || unanswered > 0) {
        note_timeout();
    }
}

// After one timeout no new requests are sent until the peer shows that it is alive.
void upstream_connection::note_timeout() {
    if (state_ != state::ready && state_ != state::probing) {
        return;
    }
    if (msd_) {
        if (clock::now() - last_received_ > ping_when_busy) {
            become(state::hung);
        }
        return;
    }
    log::warning(
        "{} did not answer in time: closing the connection and reconnecting",
        connection_.peer().text()
    );
    timed_out_ = true;
    drain();
}

void upstream_connection::watch_liveness(time_point at) {
    // Bytes that arrived while this worker was busy count as well.
    if (connection_.has_unreceived()) {
        last_received_ = at;
    }
    if (!ping_key_) {
        const auto silence = pending_.empty() ? settings_.ping_idle : ping_when_busy;
        if (state_ == state::hung || at - last_received_ >= silence) {
            send_ping(at);
        }
        return;
    }
    // The reply to the ping may queue behind large replies: a peer that sends them is not hung.
    if (at - std::max(ping_sent_, last_received_) >= settings_.ping_timeout) {
        if (state_ == state::ready) {
            log::warning(
                "{} does not answer a ping: no new requests until it does",
                connection_.peer().text()
            );
            become(state::hung);
        }
        ping_sent_ = at; // the ping stays valid: a late reply ends the state `hung`
    }
}

void upstream_connection::send_ping(time_point at) {
    ping_key_ = ++last_key_;
    ping_sent_ = at;
    wire::request_fields ping;
    ping.method = "GET";
    ping.uri = "/ping";
    connection_.compose([&](std::string& out) { wire::append_request(out, ping, *ping_key_); });
}

} // namespace msd::upstream
