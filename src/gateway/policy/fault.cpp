// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/fault.hpp"

#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <string_view>
#include <vector>

namespace msd::gateway::policy {

namespace {

std::string_view service_of(const exchange_state& exchange) {
    return exchange.match.target != nullptr ? std::string_view{exchange.match.target->service}
                                            : std::string_view{exchange.service};
}

bool is_hit(exchange_state& exchange, const core::fault& one) {
    return one.percent == core::fault::percent_max ||
           exchange.gateway.random() % core::fault::percent_max < one.percent;
}

refusal refused(const exchange_state& exchange, int status, const char* why) {
    refusal made;
    made.status = status;
    made.detail = why;
    made.service = service_of(exchange);
    return made;
}

// Ends early when the client's connection does.
asio::awaitable<void> pause(exchange_state* exchange, milliseconds time) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer{executor, time};
    exchange->client.on_abort([&timer] { timer.cancel(); });
    asio::error_code ended;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    exchange->client.on_abort({});
}

} // namespace

bool may_have_fault(exchange_state& exchange) {
    const auto& all = exchange.gateway.faults.now(clock::now());
    return std::ranges::any_of(all, [&exchange](const core::fault& each) {
        return each.service == service_of(exchange);
    });
}

asio::awaitable<std::optional<refusal>> apply_faults(exchange_state* exchange) {
    const time_point now = clock::now();
    milliseconds delay{0};
    const core::fault* end = nullptr;
    // A copy: the list may change during the delay.
    const std::vector<core::fault> all = exchange->gateway.faults.now(now);
    for (const core::fault& each : all) {
        if (each.service != service_of(*exchange) || now >= each.until ||
            !is_hit(*exchange, each)) {
            continue;
        }
        delay += each.delay;
        if (end == nullptr && (each.error != 0 || each.aborts)) {
            end = &each;
        }
    }
    if (delay > milliseconds{0}) {
        const milliseconds left = exchange->reply_until().left(now);
        co_await pause(exchange, std::min(delay, left));
        if (!exchange->client.is_open()) {
            exchange->record.cut = "the client closed the connection";
            exchange->client.reset();
            co_return std::nullopt;
        }
        if (delay >= left) {
            co_return refused(*exchange, 504, "the service did not answer in time (msd fault)");
        }
    }
    if (end != nullptr && end->aborts) {
        exchange->record.cut = "msd fault";
        exchange->client.reset();
        co_return std::nullopt;
    }
    if (end != nullptr) {
        co_return refused(*exchange, end->error, "the error was injected for a test (msd fault)");
    }
    co_return std::nullopt;
}

} // namespace msd::gateway::policy
