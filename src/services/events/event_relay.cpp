// SPDX-License-Identifier: Apache-2.0
#include "services/events/event_relay.hpp"

#include "base/log.hpp"
#include "base/uuid.hpp"
#include "net/use_tuple.hpp"
#include "services/events/event_messages.hpp"
#include "services/utc_text.hpp"
#include "store/idempotency.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace msd::services {

namespace {

// Together less than the turn, so that a turn that another worker takes over has ended.
constexpr milliseconds store_timeout{2000};
constexpr milliseconds publish_timeout{2000};
constexpr milliseconds turn{5'000};
constexpr milliseconds end_limit{1000};

} // namespace

event_relay::event_relay(const service_context& context, std::string_view source)
    : context_{context},
      source_{source},
      holder_{uuid_v7()},
      tasks_{context.executor, net::log_failures("events to publish")},
      timer_{context.executor},
      outage_{fmt::format("events of {}", source)} {}

event_relay::~event_relay() = default;

void event_relay::start(store::outbox& from) {
    tasks_.spawn(run(&from));
}

asio::awaitable<void> event_relay::stop() {
    tasks_.terminate();
    co_await tasks_.drained(end_limit);
}

void event_relay::wake() {
    if (!std::exchange(is_awake_, true)) {
        timer_.cancel();
    }
}

asio::awaitable<void> event_relay::run(store::outbox* from) {
    for (;;) {
        is_awake_ = false;
        const milliseconds pause = co_await publish_all(from);
        if (!is_awake_) {
            co_await wait(pause);
        }
        co_await wait(batch_pause);
    }
}

// Ends early when a write wakes it.
asio::awaitable<void> event_relay::wait(milliseconds pause) {
    timer_.expires_after(pause);
    [[maybe_unused]] const auto woken = co_await timer_.async_wait(net::use_tuple);
}

// Until the outbox is empty or another worker has the turn. Returns when to look again.
asio::awaitable<milliseconds> event_relay::publish_all(store::outbox* from) {
    const auto waiting = co_await from->waiting(deadline::in(store_timeout));
    if (!waiting) {
        co_return retry_after; // the store logs why it fails
    }
    waiting_ = *waiting;
    if (waiting_ == 0) {
        co_return look_every;
    }
    std::vector<std::int64_t> sent;
    for (;;) {
        store::outbox_step step;
        step.holder = holder_;
        step.now_ms = store::utc_now_ms();
        step.turn = turn;
        step.sent = std::exchange(sent, {});
        step.limit = batch_events;
        auto batch = co_await from->take(std::move(step), deadline::in(store_timeout));
        if (!batch || !batch->has_turn) {
            co_return retry_after;
        }
        if (batch->events.empty()) {
            waiting_ = 0;
            co_return look_every;
        }
        for (const store::unsent_event& each : batch->events) {
            sent.push_back(each.row);
        }
        auto done = co_await publish(std::move(batch->events));
        if (!done) {
            outage_.failed(done.error(), clock::now());
            remind(clock::now());
            co_return retry_after;
        }
        outage_.answered();
        published_ += sent.size();
        co_await wait(batch_pause);
    }
}

void event_relay::remind(time_point now) {
    if (outage_.reminds(now)) {
        log::warning(
            "events of {}: {} wait in the store, which grows until a service events takes them; "
            "start one (msd service events)",
            source_,
            waiting_
        );
    }
}

asio::awaitable<result<void>> event_relay::publish(std::vector<store::unsent_event> events) {
    std::vector<store::event_fields> fields;
    fields.reserve(events.size());
    for (store::unsent_event& each : events) {
        fields.push_back(
            {.source = source_,
             .id = std::move(each.id),
             .type = std::move(each.type),
             .subject = std::move(each.subject),
             .time = utc_text(each.time_ms),
             .data = std::move(each.data)}
        );
    }
    std::string params = events_text(fields);
    const auto answer =
        co_await context_.peers
            .ask("POST", "/events", std::move(params), deadline::in(publish_timeout));
    if (!answer) {
        co_return tl::unexpected{answer.error()};
    }
    if (answer->errorcode != 0) {
        constexpr int forbidden = 403;
        co_return fail(
            errc::unavailable,
            answer->status == forbidden
                ? "the service events does not trust this node; nodes of several hosts need the "
                  "cluster secret"
                : fmt::format("the service events answered with status {}", answer->status)
        );
    }
    co_return result<void>{};
}

void event_relay::write_figures(json::writer& out) const {
    out.key("events_published").unsigned_integer(published_);
    out.key("events_waiting").integer(waiting_);
}

} // namespace msd::services
