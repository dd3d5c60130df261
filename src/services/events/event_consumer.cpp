// SPDX-License-Identifier: Apache-2.0
#include "services/events/event_consumer.hpp"

#include "base/log.hpp"
#include "net/use_tuple.hpp"
#include "services/digest.hpp"
#include "services/events/event_messages.hpp"

#include <fmt/format.h>

#include <string_view>

namespace msd::services {

namespace {

constexpr milliseconds ask_timeout{5000};
constexpr milliseconds stop_limit{1000};
constexpr int status_forbidden = 403;

asio::awaitable<result<std::string>>
ask_events(peer_caller* peers, std::string uri, std::string params) {
    auto answer =
        co_await peers->ask("POST", std::move(uri), std::move(params), deadline::in(ask_timeout));
    if (!answer) {
        co_return tl::unexpected{std::move(answer.error())};
    }
    if (answer->status == status_forbidden) {
        co_return fail(
            errc::unavailable,
            "the service events does not trust this node; nodes of several hosts need the cluster "
            "secret"
        );
    }
    if (answer->errorcode != 0) {
        co_return fail(
            errc::unavailable,
            fmt::format("the service events answered with status {}", answer->status)
        );
    }
    co_return std::move(answer->body);
}

} // namespace

std::string key_of(const store::event_fields& event) {
    return digest_of(event.source + ' ' + event.id);
}

event_consumer::event_consumer(const service_context& context, settings chosen)
    : context_{context},
      chosen_{std::move(chosen)},
      tasks_{context.executor, net::log_failures("events to handle")},
      timer_{context.executor},
      outage_{fmt::format("events for {}", chosen_.group)} {}

event_consumer::~event_consumer() = default;

void event_consumer::start(handler handle) {
    handle_ = std::move(handle);
    tasks_.spawn(run());
}

asio::awaitable<void> event_consumer::stop() {
    tasks_.terminate();
    co_await tasks_.drained(stop_limit);
}

asio::awaitable<void> event_consumer::run() {
    for (;;) {
        const milliseconds pause = co_await consume();
        timer_.expires_after(pause);
        [[maybe_unused]] const auto woken = co_await timer_.async_wait(net::use_tuple);
    }
}

// One batch. Returns when to look for the next one.
asio::awaitable<milliseconds> event_consumer::consume() {
    auto batch = co_await pull();
    if (!batch) {
        outage_.failed(batch.error(), clock::now());
        co_return retry_after;
    }
    outage_.answered();
    if (batch->events.empty()) {
        co_return look_every;
    }
    store::settlement made;
    made.group = chosen_.group;
    for (const store::delivery& each : batch->events) {
        made.returned.push_back({each.event.position, each.lease});
    }
    auto outcome = co_await handle_(std::move(*batch), deadline::in(store_timeout));
    milliseconds pause{0};
    if (outcome) {
        made.returned.clear();
        made.done = std::move(outcome->done);
        made.failed = std::move(outcome->failed);
        made.problem = outcome->problem.substr(0, store::problem_bytes_max);
        handled_ += made.done.size();
        failed_ += made.failed.size();
        if (!made.failed.empty()) {
            log::warning(
                "events for {}: {} cannot be handled: {}",
                chosen_.group,
                made.failed.size(),
                made.problem
            );
        }
    } else {
        pause = retry_after; // the store logs why it fails
        if (outcome.error().code == errc::conflict) {
            warn_of_old_log(clock::now());
        }
    }
    const auto settled = co_await settle(std::move(made));
    if (!settled) {
        outage_.failed(settled.error(), clock::now());
        pause = retry_after;
    }
    co_return pause;
}

void event_consumer::warn_of_old_log(time_point now) {
    if (now < warn_again_) {
        return;
    }
    warn_again_ = now + warn_every;
    log::warning(
        "events for {}: not handled, because events.db is older than what this service has "
        "handled; "
        "if it was restored from a copy, run msd events restored on the host of the service events",
        chosen_.group
    );
}

asio::awaitable<result<store::pulled>> event_consumer::pull() {
    store::pull_request wanted;
    wanted.group = chosen_.group;
    wanted.topics = chosen_.topics;
    wanted.rebuilds = chosen_.rebuilds;
    wanted.limit = single_pulls_ > 0 ? 1 : store::handed_out_at_once_max;
    std::string params = pull_text(wanted);
    const auto body = co_await ask_events(&context_.peers, "/events/pull", std::move(params));
    if (!body) {
        if (body.error().code != errc::unavailable) { // nothing was handed out
            single_pulls_ = store::handed_out_at_once_max;
        }
        co_return tl::unexpected{body.error()};
    }
    auto read = read_pulled(*body);
    if (!read) {
        single_pulls_ = store::handed_out_at_once_max;
        co_return fail(errc::malformed, read.error().field + " " + read.error().text);
    }
    if (single_pulls_ > 0 && !read->events.empty()) {
        --single_pulls_;
    }
    co_return std::move(*read);
}

asio::awaitable<result<void>> event_consumer::settle(store::settlement made) {
    std::string params = settlement_text(made);
    const auto body = co_await ask_events(&context_.peers, "/events/ack", std::move(params));
    co_return body ? result<void>{} : tl::unexpected{body.error()};
}

void event_consumer::write_figures(json::writer& out) const {
    out.key("events_handled").unsigned_integer(handled_);
    out.key("events_failed").unsigned_integer(failed_);
}

} // namespace msd::services
