// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/connection_pool_state.hpp"

#include "base/backoff.hpp"
#include "net/quiet_thread.hpp"

#include <asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace msd::store::mysql {

namespace {

// Pause before a full server is asked for a connection again: 20 to 200 ms.
constexpr milliseconds full_pause{110};
constexpr double full_jitter = 0.8;

constexpr double upkeep_jitter = 0.5; // spreads the upkeep of a service's workers

constexpr std::chrono::hours longest_wait{1};

time_point bounded(time_point until) {
    return std::min(until, clock::now() + longest_wait);
}

} // namespace

connection_pool::state::state(settings with)
    : chosen{std::move(with)},
      limit_{chosen.connections_max},
      next_upkeep_{clock::now() + spread(upkeep_every, upkeep_jitter)},
      outage_{chosen.name} {}

void connection_pool::state::start_keeper() {
    keeper_ = net::quiet_thread([this] { keep(); });
}

void connection_pool::state::stop_keeper() {
    {
        const std::lock_guard held{mutex};
        stopping_ = true;
    }
    wanted_.notify_all();
    freed_.notify_all();
    keeper_.join();
}

result<connection> connection_pool::state::lend(deadline until) {
    lock held{mutex};
    for (;;) {
        if (stopping_) {
            return fail(errc::cancelled, "stopping");
        }
        if (until.passed()) {
            freed_.notify_one(); // passes on a notification that this thread may have consumed
            return fail(errc::timeout, "no connection became free in time");
        }
        if (server == condition::down) {
            return tl::unexpected{down_error()};
        }
        if (server == condition::unknown) {
            wait_freed(held, until.at());
            continue;
        }
        if (auto taken = take_unused(held)) {
            return std::move(*taken);
        }
        const bool is_full = clock::now() < full_until_ || opening_when_full_;
        if (open >= limit_ || is_full) {
            const auto retry = is_full && !opening_when_full_ ? full_until_ : time_point::max();
            wait_freed(held, std::min(until.at(), retry));
            continue;
        }
        auto opened = open_one(held);
        if (opened || opened.error().code != errc::refused) {
            return opened;
        }
    }
}

// The server may have closed a connection that was not used for a while: a ping costs one round
// trip, a failed write costs more.
std::optional<connection> connection_pool::state::take_unused(lock& held) {
    while (!unused_.empty()) {
        unused_connection last_used = std::move(unused_.back());
        unused_.pop_back();
        if (clock::now() - last_used.since < trusted_for) {
            return std::move(last_used.opened);
        }
        held.unlock();
        const bool answers = last_used.opened.answers();
        std::optional<connection> taken{std::move(last_used.opened)};
        if (!answers) {
            taken.reset();
        }
        held.lock();
        if (answers) {
            return taken;
        }
        --open;
        freed_.notify_one();
    }
    return std::nullopt;
}

// errc::refused: the server is full; wait for a connection.
result<connection> connection_pool::state::open_one(lock& held) {
    const bool alone = full_until_ != time_point::min();
    opening_when_full_ = alone;
    ++open;
    held.unlock();
    auto opened = connection::open(chosen.at);
    held.lock();
    opening_when_full_ = false;
    if (opened) {
        full_until_ = time_point::min();
        freed_.notify_all();
        return std::move(*opened);
    }
    --open;
    const failure why = opened.error();
    if (why.kind == failure_kind::full) {
        full_until_ = clock::now() + spread(full_pause, full_jitter);
        freed_.notify_all();
        return tl::unexpected{error{errc::refused, error_of(why).text}};
    }
    held.unlock();
    suspect(why);
    held.lock();
    return tl::unexpected{error_of(why)};
}

void connection_pool::state::wait_freed(lock& held, time_point until) {
    freed_.wait_until(held, bounded(until));
}

void connection_pool::state::take_back(std::optional<connection> lent) {
    const std::lock_guard held{mutex};
    if (!std::exchange(used_, true)) {
        wanted_.notify_one();
    }
    if (lent) {
        last_answer_ = clock::now();
        unused_.push_back({std::move(*lent), last_answer_});
        if (unused_.size() == kept_ + 1) {
            wanted_.notify_one();
        }
    } else {
        --open;
    }
    freed_.notify_one();
}

void connection_pool::state::distrust_unused() {
    const std::lock_guard held{mutex};
    doubt_unused();
}

void connection_pool::state::doubt_unused() {
    const auto long_ago = clock::now() - trusted_for - idle_closed_after;
    for (auto& one : unused_) {
        one.since = std::min(one.since, long_ago);
    }
}

void connection_pool::state::suspect(failure why) {
    const std::lock_guard held{mutex};
    if (server == condition::down) {
        return;
    }
    server = condition::down;
    last_ = error_of(why);
    next_probe_ = time_point::min();
    doubt_unused();
    wanted_.notify_one();
    freed_.notify_all();
}

void connection_pool::state::prepare_again() {
    const std::lock_guard held{mutex};
    if (server == condition::up) {
        server = condition::unknown;
        next_probe_ = time_point::min();
        wanted_.notify_one();
    }
}

std::optional<error> connection_pool::state::refusal() {
    const std::lock_guard held{mutex};
    return server == condition::down ? std::optional{down_error()} : std::nullopt;
}

bool connection_pool::state::answered_since(time_point then) const {
    const std::lock_guard held{mutex};
    return last_answer_ >= then;
}

error connection_pool::state::down_error() const {
    return {errc::unavailable, last_.text};
}

result<void> connection_pool::state::wait_first_probe(deadline until) {
    lock held{mutex};
    while (!first_probe_made_ && !stopping_ && !until.passed()) {
        wait_freed(held, until.at());
    }
    if (first_failure_) {
        return tl::unexpected{*first_failure_};
    }
    return {};
}

void connection_pool::state::keep() {
    lock held{mutex};
    while (!stopping_) {
        if (server != condition::up && clock::now() >= next_probe_) {
            probe(held);
            continue;
        }
        if (close_surplus(held)) {
            continue;
        }
        if (used_ && chosen.upkeep && server == condition::up && clock::now() >= next_upkeep_) {
            upkeep(held);
            continue;
        }
        time_point next = time_point::max();
        if (server != condition::up) {
            next = next_probe_;
        }
        if (unused_.size() > kept_) {
            next = std::min(next, unused_.front().since + others_for_);
        }
        if (used_ && chosen.upkeep && server == condition::up) {
            next = std::min(next, next_upkeep_);
        }
        wanted_.wait_until(held, bounded(next));
    }
    auto closing = std::move(unused_);
    held.unlock();
}

bool connection_pool::state::close_surplus(lock& held) {
    const auto longest_unused = clock::now() - others_for_;
    std::vector<unused_connection> closing;
    while (unused_.size() > kept_ && unused_.front().since <= longest_unused) {
        closing.push_back(std::move(unused_.front()));
        unused_.erase(unused_.begin());
    }
    if (closing.empty()) {
        return false;
    }
    open -= static_cast<int>(closing.size());
    held.unlock();
    closing.clear();
    held.lock();
    freed_.notify_all();
    return true;
}

void connection_pool::state::probe(lock& held) {
    held.unlock();
    auto opened = connection::open(chosen.at);
    result<void> prepared;
    if (opened && chosen.prepare) {
        prepared = chosen.prepare(*opened);
    }
    held.lock();
    if (!opened) {
        probe_failed(held, opened.error(), error_of(opened.error()), false);
    } else if (!prepared) {
        const auto* const why = opened->failed();
        failure what = why != nullptr ? *why : failure{};
        if (prepared.error().code == errc::refused) {
            what.kind = failure_kind::full; // there is no connection for the migration
        }
        probe_failed(held, what, prepared.error(), true);
    } else {
        probed(held, std::move(*opened));
    }
    first_probe_made_ = true;
    freed_.notify_all();
}

void connection_pool::state::upkeep(lock& held) {
    used_ = false;
    next_upkeep_ = clock::now() + spread(upkeep_every, upkeep_jitter);
    held.unlock();
    bool has_more = false;
    if (auto opened = connection::open(chosen.at)) {
        has_more = chosen.upkeep(*opened);
    }
    held.lock();
    if (has_more) {
        used_ = true;
        next_upkeep_ = time_point::min();
    }
}

void connection_pool::state::probed(lock& /*held*/, connection opened) {
    const auto all = opened.facts().connections_max;
    limit_ = static_cast<int>(std::clamp<std::int64_t>(all / shares, 1, chosen.connections_max));
    kept_ = all < shares ? 0 : 1;
    others_for_ = all < shares ? idle_closed_when_few : idle_closed_after;
    server = condition::up;
    schema_failures_ = 0;
    full_until_ = time_point::min();
    ++open;
    unused_.push_back({std::move(opened), clock::now()});
    update_outage_log(std::nullopt);
}

void connection_pool::state::probe_failed(lock& /*held*/, failure what, error why, bool by_schema) {
    const auto now = clock::now();
    last_ = why;
    if (what.kind == failure_kind::full) {
        // The server is not down, but its state is unknown: calls wait.
        next_probe_ = now + spread(full_pause, full_jitter);
        if (server == condition::down) {
            server = condition::unknown;
        }
        return;
    }
    server = condition::down;
    schema_failures_ = by_schema ? schema_failures_ + 1 : 0;
    next_probe_ =
        now + (by_schema ? backoff_delay(schema_failures_, probe_every, probe_pause_max, 0)
                         : probe_every);
    const bool is_permanent = by_schema ? why.code == errc::invalid || why.code == errc::internal
                                        : what.kind == failure_kind::denied;
    if (!first_probe_made_ && is_permanent) {
        first_failure_ = error{errc::invalid, fmt::format("{}: {}", chosen.name, why.text)};
        return;
    }
    update_outage_log(std::move(why));
}

// Logging is done on the loop's thread, because lines are also sent to the logs service.
void connection_pool::state::update_outage_log(std::optional<error> failed) {
    asio::post(chosen.executor, [self = shared_from_this(), failed = std::move(failed)] {
        if (failed) {
            self->outage_.failed(*failed, clock::now());
        } else {
            self->outage_.answered();
        }
    });
}

} // namespace msd::store::mysql
