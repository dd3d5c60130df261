// SPDX-License-Identifier: Apache-2.0
#include "upstream/upstream_node.hpp"

#include "base/backoff.hpp"
#include "base/log.hpp"
#include "net/use_tuple.hpp"

#include <algorithm>
#include <utility>

namespace msd::upstream {

namespace {

constexpr milliseconds retry_first{50};
constexpr milliseconds retry_longest{1000};
constexpr milliseconds greeting_limit{1000};
constexpr milliseconds vanished_after{6000};
constexpr milliseconds lasting{
    1000}; // a connection that ends earlier, without a reply, is a failure
constexpr milliseconds probe_first{1000};
constexpr milliseconds probe_longest{10'000};
constexpr milliseconds search_pause{1000}; // after tries_per_worker tries without all slots
constexpr int tries_per_worker = 4;

fitness fitness_of(const upstream_connection& candidate, const outgoing& request) {
    if (!candidate.can_take(request)) {
        return fitness::none;
    }
    if (candidate.has_sent_goaway()) {
        return fitness::going_away;
    }
    if (candidate.is_probing()) {
        const bool may_try = is_idempotent(request.method) && candidate.is_trial_due();
        return may_try ? fitness::good : fitness::suspect;
    }
    return candidate.is_doubtful() ? fitness::doubtful : fitness::good;
}

} // namespace

upstream_node::upstream_node(
    const upstream_surroundings& around,
    std::shared_ptr<const core::node_info> info,
    std::function<void()> on_change
)
    : around_{around},
      info_{std::move(info)},
      on_change_{std::move(on_change)},
      wake_{around.executor} {}

void upstream_node::start() {
    if (!started_) {
        started_ = true;
        around_.tasks.spawn(maintain());
    }
}

void upstream_node::drain() {
    is_removed_ = true;
    const auto draining = connections_;
    for (const auto& connection : draining) {
        connection->drain();
    }
    wake_.cancel();
}

void upstream_node::close() {
    is_removed_ = true;
    const auto closing = connections_;
    for (const auto& connection : closing) {
        connection->close();
    }
    wake_.cancel();
}

void upstream_node::update(std::shared_ptr<const core::node_info> info) {
    const bool turned_msd =
        info_->proto < wire::protocol_version && info->proto >= wire::protocol_version;
    info_ = std::move(info);
    if (turned_msd) {
        // Connections that speak section 2 of the protocol are replaced by new ones.
        const auto draining = connections_;
        for (const auto& connection : draining) {
            connection->drain();
        }
    }
}

upstream_node::choice upstream_node::pick(const outgoing& request) {
    choice best;
    const std::size_t first = next_;
    for (std::size_t i = 0; i < connections_.size() && best.how != fitness::good; ++i) {
        const std::size_t at = (first + i) % connections_.size();
        const auto& candidate = connections_[at];
        const fitness how = fitness_of(*candidate, request);
        if (how < best.how) {
            best = {candidate, how};
            next_ = at + 1;
        }
    }
    return best;
}

bool upstream_node::awaits_greeting() const {
    return !is_removed_ && std::any_of(connections_.begin(), connections_.end(), [](const auto& c) {
        return c->awaits_greeting();
    });
}

bool upstream_node::is_full() const {
    return std::any_of(connections_.begin(), connections_.end(), [](const auto& c) {
        return c->is_full();
    });
}

std::optional<core::resilience::check_result> upstream_node::check() const {
    using core::resilience::health;
    bool is_hung = false;
    for (const auto& connection : connections_) {
        const auto now = connection->now();
        if (now == upstream_connection::state::ready) {
            const bool has_replied = connection->is_msd() || connection->was_answered();
            return core::resilience::check_result{health::healthy, has_replied, {}};
        }
        is_hung = is_hung || now == upstream_connection::state::hung;
    }
    if (is_hung) {
        const auto limit = std::to_string(around_.settings.ping_timeout.count());
        return core::resilience::check_result{
            health::unhealthy,
            false,
            "no reply to a ping in " + limit + " ms"};
    }
    if (failures_ == 0) {
        return std::nullopt;
    }
    return refused_ ? core::resilience::check_result{health::unreachable, false, why_}
                    : core::resilience::check_result{
                          health::unhealthy,
                          false,
                          "it accepts connections and closes them"};
}

// A connection that was accepted and closed once may have reached a worker that was killed: the
// replacement accepts the next connection.
bool upstream_node::is_connecting() const {
    const int borne = refused_ ? 0 : 1;
    if (is_removed_ || failures_ > borne) {
        return false;
    }
    const bool greeting = std::any_of(connections_.begin(), connections_.end(), [](const auto& c) {
        return c->now() == upstream_connection::state::greeting;
    });
    const bool on_trial = std::any_of(connections_.begin(), connections_.end(), [](const auto& c) {
        return c->is_on_trial() && !c->is_trial_late();
    });
    return greeting || on_trial || serving() == 0;
}

// The connections that count as workers of the node. Without one whose trial is late: another
// process that serves the same port may have accepted a connection and ended before it read it, as
// it happens when a worker of a Node.js cluster is killed. One more connection then finds the
// worker that is left. A second late trial, or a request that timed out, says that the node hangs.
std::size_t upstream_node::serving() const {
    const auto serves = std::count_if(connections_.begin(), connections_.end(), [](const auto& c) {
        return !c->has_sent_goaway() && c->now() != upstream_connection::state::draining &&
               c->now() != upstream_connection::state::closed;
    });
    const auto late = std::count_if(connections_.begin(), connections_.end(), [](const auto& c) {
        return c->is_trial_late();
    });
    return static_cast<std::size_t>(late == 1 && timeouts_ == 0 ? serves - 1 : serves);
}

bool upstream_node::wants_connection() const {
    return serving() < static_cast<std::size_t>(workers_);
}

void upstream_node::changed() {
    for (const auto& connection : connections_) {
        if (connection->take_timeout()) {
            ++timeouts_;
            probe_ = true;
        }
        if (connection->now() == upstream_connection::state::ready) {
            timeouts_ = 0;
            workers_ = connection->is_msd() ? connection->workers() : workers_;
        }
    }
    drain_going_away();
    wake_.cancel();
    on_change_();
}

// A departing connection is used until another one is usable or the last attempt to connect failed.
void upstream_node::drain_going_away() {
    const bool has_other = std::any_of(connections_.begin(), connections_.end(), [](const auto& c) {
        return c->usable() && !c->has_sent_goaway() && !c->awaits_greeting();
    });
    if (!has_other && !refused_ && !is_removed_) {
        return;
    }
    const auto all = connections_;
    for (const auto& connection : all) {
        if (connection->has_sent_goaway()) {
            connection->drain();
        }
    }
}

asio::awaitable<void> upstream_node::maintain() {
    const auto self = shared_from_this();
    while (!is_removed_) {
        if (wants_connection()) {
            if (failures_ > 0 || flaps_ > 0 || tries_ > tries_per_worker * workers_) {
                co_await rest();
            }
            if (!is_removed_) {
                co_await open_connection();
            }
            continue;
        }
        tries_ = 0;
        wake_.expires_at(time_point::max());
        const auto [woken] = co_await wake_.async_wait(net::use_tuple);
        (void)woken;
    }
}

// The pause between attempts, which grows with failures. It ends early with drain(). A pause in
// the search for more workers also ends when the last connection is lost.
asio::awaitable<void> upstream_node::rest() {
    const bool searches = failures_ == 0 && flaps_ == 0;
    const milliseconds pause =
        failures_ > 0 ? backoff_delay(failures_, retry_first, retry_longest, 0.2) : search_pause;
    tries_ = 0;
    const time_point until = clock::now() + pause;
    while (!is_removed_ && clock::now() < until && !(searches && serving() == 0)) {
        wake_.expires_at(until);
        const auto [woken] = co_await wake_.async_wait(net::use_tuple);
        (void)woken;
    }
}

asio::awaitable<void> upstream_node::open_connection() {
    const auto until = deadline::in(around_.settings.connect_timeout);
    std::string host = info_->id.host;
    const std::uint16_t port = info_->id.port;
    auto socket = co_await net::connect_to_node(around_.executor, std::move(host), port, until);
    refused_ = !socket.has_value();
    if (!socket) {
        if (failures_++ == 0) {
            log::warning("{}: {}", info_->id.name, socket.error().text);
        }
        why_ = socket.error().text;
        changed();
        co_return;
    }
    if (is_removed_) {
        co_return;
    }
    net::detect_vanished_peer(*socket, vanished_after);
    std::function<void()> on_change = [weak = weak_from_this()] {
        if (const auto node = weak.lock()) {
            node->changed();
        }
    };
    auto fresh = std::make_shared<upstream_connection>(
        std::move(*socket),
        around_.dog,
        around_.settings,
        std::move(on_change),
        around_.memory
    );
    was_connected_ = true;
    connections_.push_back(fresh);
    around_.tasks.spawn(watch(fresh));
    const bool settled = co_await settle(fresh);
    if (settled) {
        if (failures_ > 0) {
            log::info(
                "{} at {}:{} can be reached again",
                info_->id.name,
                info_->id.host,
                info_->id.port
            );
        }
        failures_ = 0;
    }
    if (is_removed_) {
        fresh->drain();
    }
    changed();
}

// Decides which section of the protocol the connection uses; false when it must be closed.
asio::awaitable<bool> upstream_node::settle(std::shared_ptr<upstream_connection> fresh) {
    if (info_->proto < wire::protocol_version) {
        // Beside a connection whose trial is late, the new one begins with a trial, too.
        probe_ = probe_ || std::any_of(connections_.begin(), connections_.end(), [](const auto& c) {
                     return c->is_trial_late();
                 });
        serve_foreign(*fresh);
        co_return true;
    }
    const auto until = deadline::in(greeting_limit);
    const bool greeted = co_await fresh->greet(&around_.self, info().id, until);
    if (fresh->now() == upstream_connection::state::closed) {
        note_proof_failure(*fresh);
        ++failures_; // accepted and closed: pause before the next attempt
        co_return false;
    }
    if (!greeted && fresh->is_unproven()) {
        co_return true; // used once it has proven the secret, however late
    }
    if (!greeted) {
        probe_ = true;
        serve_foreign(*fresh);
        co_return true;
    }
    const auto same_slot = [&fresh](const auto& other) {
        return other != fresh && other->slot() == fresh->slot() && other->usable() &&
               !other->has_sent_goaway();
    };
    if (std::any_of(connections_.begin(), connections_.end(), same_slot)) {
        ++tries_;
        fresh->drain();
        co_return true;
    }
    tries_ = 0;
    co_return true;
}

// Logs one line per outage, however many attempts fail.
void upstream_node::note_proof_failure(const upstream_connection& failed) const {
    if (failures_ == 0 && !failed.proof_failure().empty()) {
        const core::node_id& id = info().id;
        log::warning("{} at {}:{}: {}", id.name, id.host, id.port, failed.proof_failure());
    }
}

// A node whose requests timed out is tried again after a pause that grows each time.
void upstream_node::serve_foreign(upstream_connection& fresh) {
    if (!probe_) {
        fresh.serve_foreign();
        return;
    }
    const milliseconds pause =
        timeouts_ > 0 ? backoff_delay(timeouts_, probe_first, probe_longest, 0.2) : milliseconds{0};
    fresh.serve_on_trial(clock::now() + pause);
    probe_ = false;
}

asio::awaitable<void> upstream_node::watch(std::shared_ptr<upstream_connection> served) {
    const auto self = shared_from_this();
    const time_point began = clock::now();
    co_await served->run();
    std::erase(connections_, served);
    const bool was_of_use = served->was_answered() || clock::now() - began >= lasting;
    flaps_ = was_of_use || served->is_msd() ? 0 : flaps_ + 1;
    // The next connection to a foreign node starts with one trial request.
    probe_ = probe_ || (!served->is_msd() && serving() == 0);
    changed();
}

} // namespace msd::upstream
