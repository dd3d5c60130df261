// SPDX-License-Identifier: Apache-2.0
#include "store/redis/link.hpp"

#include "base/backoff.hpp"
#include "base/enlisted.hpp"
#include "net/use_tuple.hpp"

#include <utility>

namespace msd::store::redis {

namespace {

// A connection that ended sooner counts as a failed attempt: the next attempt waits for its pause.
constexpr milliseconds lasting{1000};

asio::awaitable<result<address>> located(address where) {
    co_return where;
}

} // namespace

link::link(const surroundings& around, purpose what)
    : around_{around},
      what_{std::move(what)},
      outages_{what_.name},
      retry_{around.executor} {}

link::locator link::always_at(address where) {
    return [where = std::move(where)](deadline) {
        return located(where);
    };
}

void link::start() {
    around_.tasks.spawn(keep(shared_from_this()));
}

void link::stop() {
    is_stopped_ = true;
    what_.on_change = {};
    renew("not needed any more");
}

asio::awaitable<void> link::keep(std::shared_ptr<link> self) {
    while (!self->is_stopped_) {
        auto established = co_await self->establish();
        if (established) {
            co_await self->attend();
        } else {
            ++self->counted_.failures;
            self->lost(std::move(established.error()));
        }
        co_await self->pause();
    }
}

asio::awaitable<result<void>> link::establish() {
    const deadline until = deadline::in(around_.chosen.connect_timeout);
    auto where = co_await what_.locate(until);
    if (!where) {
        co_return tl::unexpected{std::move(where.error())};
    }
    at_ = std::move(*where);
    auto greeted = co_await greet(&around_, at_, what_.wanted, until);
    if (!greeted) {
        co_return tl::unexpected{std::move(greeted.error())};
    }
    current_ = std::move(*greeted);
    result<void> ready;
    if (what_.prepare) {
        ready = co_await what_.prepare(current_);
    }
    if (ready) {
        ready = co_await probe();
    }
    if (!ready) {
        current_->close(ready.error());
        current_.reset();
    }
    co_return ready;
}

// A server that accepts connections may still hang: it is usable once it has answered in time.
asio::awaitable<result<void>> link::probe() {
    const auto ping = command::keyless("PING");
    const deadline until = deadline::in(around_.chosen.timeout);
    const auto watched = current_;
    auto answered = co_await watched->execute(ping.bytes(), until);
    if (!answered) {
        co_return tl::unexpected{std::move(answered.error())};
    }
    const auto pong = checked(std::move(*answered), watched->stream().peer().text());
    if (!pong) {
        co_return tl::unexpected{pong.error()};
    }
    co_return result<void>{};
}

// Runs as long as the connection is open. Probes an idle connection, so that a hanging server is
// detected before a caller needs it.
asio::awaitable<void> link::attend() {
    const auto attended = current_;
    const time_point began = clock::now();
    found();
    bool has_ended = false;
    if (is_stopped_) {
        attended->close({errc::closed, "not needed any more"});
    }
    while (!has_ended) {
        has_ended = co_await attended->ended(deadline::in(around_.chosen.probe_every));
        const time_point quiet_since = clock::now() - around_.chosen.probe_every;
        if (!has_ended && attended->in_flight() == 0 && attended->last_received() <= quiet_since) {
            const auto probed = co_await probe();
            if (!probed) {
                attended->close(probed.error());
            }
        }
    }
    counted_.timeouts += attended->why().code == errc::timeout ? 1 : 0;
    if (clock::now() - began >= lasting) {
        failures_ = 0;
    }
    current_.reset();
    lost(attended->why());
}

void link::found() {
    usable_ = true;
    ++counted_.connects;
    outages_.answered();
    wake();
    if (what_.on_change) {
        what_.on_change(true);
    }
}

void link::wake() {
    for (asio::steady_timer* const waiting : awaiting_use_) {
        waiting->cancel();
    }
}

void link::lost(error why) {
    const bool was_usable = std::exchange(usable_, false);
    ++failures_;
    why_lost_ = std::move(why);
    outages_.failed(why_lost_, clock::now());
    wake();
    if (was_usable && what_.on_change) {
        what_.on_change(false);
    }
}

// After a connection is lost, the first attempt is made at once, the next ones after growing
// pauses.
asio::awaitable<void> link::pause() {
    if (std::exchange(hurry_, false) || failures_ < 2 || is_stopped_) {
        co_return;
    }
    const auto longest = around_.chosen.probe_every;
    retry_.expires_after(backoff_delay(failures_ - 1, backoff_first, longest, backoff_jitter));
    [[maybe_unused]] const auto [woken] = co_await retry_.async_wait(net::use_tuple);
}

asio::awaitable<result<reply>>
link::execute(std::string bytes, deadline until, std::size_t before) {
    if (!usable()) {
        co_return fail(errc::unavailable, what_.name + " is not available: " + why_lost());
    }
    const auto taken = current_;
    auto outcome = co_await taken->execute(std::move(bytes), until, before);
    co_return outcome;
}

// The reason of a connection that has just ended replaces the reasons of earlier attempts.
const std::string& link::why_lost() const {
    return current_ && !current_->is_open() ? current_->why().text : why_lost_.text;
}

asio::awaitable<bool> link::became_usable(deadline until) {
    while (!usable() && !until.passed()) {
        asio::steady_timer waiting{around_.executor, until.at()};
        const enlisted<asio::steady_timer*> waits{awaiting_use_, &waiting};
        [[maybe_unused]] const auto [woken] = co_await waiting.async_wait(net::use_tuple);
    }
    co_return usable();
}

asio::awaitable<void> link::settled(deadline until) {
    if (counted_.connects + counted_.failures == 0) {
        const auto self = shared_from_this();
        asio::steady_timer waiting{around_.executor, until.at()};
        const enlisted<asio::steady_timer*> waits{awaiting_use_, &waiting};
        [[maybe_unused]] const auto [woken] = co_await waiting.async_wait(net::use_tuple);
    }
}

void link::renew(std::string why) {
    if (current_) {
        current_->close({errc::unavailable, std::move(why)});
    }
    hurry_ = retry_.cancel() == 0;
}

} // namespace msd::store::redis
