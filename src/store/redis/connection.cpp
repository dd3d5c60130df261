// SPDX-License-Identifier: Apache-2.0
#include "store/redis/connection.hpp"

#include "base/enlisted.hpp"
#include "net/use_tuple.hpp"

#include <asio/post.hpp>

#include <algorithm>
#include <utility>

namespace msd::store::redis {

namespace {

// The time at which a missing reply closes the connection, for a caller that waits until `until`. A
// caller whose deadline is only slightly shorter than the timeout counts as waiting for all of it.
time_point due_of(deadline until, milliseconds timeout) {
    const time_point now = clock::now();
    return until.at() >= now + timeout * 9 / 10 ? until.at() : now + timeout;
}

} // namespace

// Lives on the stack of execute(); knows its place among the missing replies.
struct connection::waiter {
    waiter(connection& to, deadline latest, time_point due)
        : owner{to},
          until{latest},
          number{owner.first_owed_ + owner.owed_.size()} {
        owner.owed_.push_back({this, due});
    }
    ~waiter() {
        if (listed) {
            owner.owed_[number - owner.first_owed_].creditor = nullptr;
        }
    }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

    void set(result<reply> value) {
        listed = false;
        outcome.set(std::move(value));
    }

    connection& owner;
    deadline until;
    std::uint64_t number;
    bool listed = true;
    net::one_shot<reply> outcome;
};

connection::connection(std::unique_ptr<net::client_stream> stream, connection_limits limits)
    : stream_{std::move(stream)},
      limits_{limits},
      reader_{limits.reply_bytes_max},
      timer_{stream_->executor()},
      last_received_{clock::now()} {}

connection::~connection() = default;

asio::awaitable<void> connection::run(std::shared_ptr<connection> self) {
    while (self->open_) {
        const auto received = co_await self->stream_->receive();
        if (!received) {
            self->close(received.error());
            break;
        }
        self->last_received_ = clock::now();
        self->reader_.feed(*received);
        if (const auto delivered = self->deliver_all(); !delivered) {
            const std::string peer = self->stream_->peer().text();
            self->close({delivered.error().code, peer + " sent no reply: " + delivered.error().text}
            );
        }
    }
}

result<void> connection::deliver_all() {
    while (open_) {
        auto next = reader_.next();
        if (!next) {
            return tl::unexpected{std::move(next.error())};
        }
        std::optional<reply>& received = *next;
        if (!received) {
            break;
        }
        if (is_message(*received)) {
            on_message_(received->items[1].text, received->items[2].text);
            continue;
        }
        if (owed_.empty()) {
            return fail(errc::malformed, "the server sent bytes without a request");
        }
        deliver(std::move(*received));
    }
    return {};
}

// Messages of channels arrive between replies.
bool connection::is_message(const reply& received) const {
    return on_message_ && received.items.size() == 3 && received.items[0].text == "message";
}

void connection::deliver(reply received) {
    waiter* const creditor = owed_.front().creditor;
    owed_.pop_front();
    ++first_owed_;
    if (creditor != nullptr) {
        creditor->set(std::move(received));
    }
}

asio::awaitable<result<reply>>
connection::execute(std::string bytes, deadline until, std::size_t before) {
    const auto self = shared_from_this();
    if (!open_) {
        co_return tl::unexpected{why_};
    }
    if (owed_.size() >= in_flight_max || stream_->unsent_bytes() > unsent_bytes_max) {
        co_return fail(errc::unavailable, stream_->peer().text() + ": too many commands in flight");
    }
    const time_point due = due_of(until, limits_.timeout);
    owed_.insert(owed_.end(), before, debt{nullptr, due});
    waiter waiting{*this, until, due};
    stream_->send(bytes);
    watch(until.at());
    auto outcome = co_await waiting.outcome.wait();
    co_return outcome;
}

asio::awaitable<bool> connection::ended(deadline until) {
    const auto self = shared_from_this();
    if (open_) {
        asio::steady_timer pause{stream_->executor(), until.at()};
        const enlisted<asio::steady_timer*> waits{awaiting_end_, &pause};
        [[maybe_unused]] const auto [woken] = co_await pause.async_wait(net::use_tuple);
    }
    co_return !open_;
}

void connection::close(error why) {
    if (!open_) {
        return;
    }
    const auto self = weak_from_this().lock(); // waiters may release the last other reference
    open_ = false;
    why_ = std::move(why);
    stream_->close();
    timer_.cancel();
    while (!owed_.empty()) {
        waiter* const creditor = owed_.front().creditor;
        owed_.pop_front();
        ++first_owed_;
        if (creditor != nullptr) {
            creditor->set(tl::unexpected{why_});
        }
    }
    for (asio::steady_timer* const waiting : awaiting_end_) {
        waiting->cancel();
    }
}

// A timer that is set and expires earlier is kept: under load most replies arrive before it
// expires, so it need not be set again for each.
void connection::watch(time_point next) {
    if (next >= watched_) {
        return;
    }
    watched_ = next;
    timer_.expires_at(next);
    timer_.async_wait([weak = weak_from_this()](const asio::error_code& cancelled) {
        const auto self = weak.lock();
        if (!cancelled && self) {
            self->on_timer();
        }
    });
}

void connection::on_timer() {
    if (!open_) {
        return;
    }
    // Replies that arrived while the loop was busy are in time: they are read first.
    if (!looked_again_ && stream_->readable()) {
        looked_again_ = true;
        asio::post(stream_->executor(), [self = shared_from_this()] { self->on_timer(); });
        return;
    }
    looked_again_ = false;
    watched_ = time_point::max();
    expire(clock::now());
    if (open_ && !owed_.empty()) {
        watch(next_due());
    }
}

void connection::expire(time_point at) {
    const std::string text = stream_->peer().text() + " did not answer in time";
    const bool lost =
        std::any_of(owed_.begin(), owed_.end(), [at](const debt& each) { return at >= each.due; });
    if (lost) {
        close({errc::timeout, text});
        return;
    }
    // A resumed caller may send its next command; it does not close the connection.
    for (std::size_t i = 0; i < owed_.size(); ++i) {
        waiter* const creditor = owed_[i].creditor;
        if (creditor != nullptr && creditor->until.passed(at)) {
            owed_[i].creditor = nullptr;
            creditor->set(fail(errc::timeout, text));
        }
    }
}

time_point connection::next_due() const {
    time_point next = time_point::max();
    for (const debt& each : owed_) {
        const bool awaited = each.creditor != nullptr;
        next = std::min(next, awaited ? each.creditor->until.at() : each.due);
    }
    return next;
}

} // namespace msd::store::redis
