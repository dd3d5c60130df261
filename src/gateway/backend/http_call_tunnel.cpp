// SPDX-License-Identifier: Apache-2.0
// The part of http_call behind a reply with status 101.
#include "gateway/backend/http_call.hpp"

#include <asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <utility>

namespace msd::gateway {

// Both directions as raw bytes, until both have ended, or one is silent for too long.
asio::awaitable<void> http_call::tunnel() {
    using asio::experimental::awaitable_operators::operator&&;
    last_activity_ = clock::now();
    auto sending = tunnel_upward();
    auto answering = tunnel_downward();
    auto both = std::move(sending) && std::move(answering);
    co_await std::move(both);
}

asio::awaitable<void> http_call::tunnel_upward() {
    for (;;) {
        const auto piece = co_await client_.read_piece();
        if (!piece) {
            connection_->close();
            co_return;
        }
        last_activity_ = clock::now();
        if (piece->empty()) {
            break;
        }
        connection_->send_borrowed(*piece);
        connection_->flush();
        const auto sent = co_await connection_->sent(0, settings_.tunnel_idle_timeout);
        if (!sent) {
            break;
        }
    }
    client_ended_ = true;
    connection_->finish_sending();
    connection_->limit_receive(deadline::in(half_closed_limit));
}

asio::awaitable<void> http_call::tunnel_downward() {
    for (;;) {
        const event what = connection_->next();
        if (what == event::body) {
            send_body();
            continue;
        }
        if (what != event::more) {
            break; // the program has closed the connection
        }
        const bool goes_on = co_await receive_in_tunnel();
        if (!goes_on) {
            break;
        }
    }
    client_.finish();
    is_complete_ = true;
    note_try(try_result::succeeded);
    client_.stop_reading();
    connection_->close();
}

asio::awaitable<bool> http_call::receive_in_tunnel() {
    const bool is_open = co_await client_.writable(unsent_max);
    if (!is_open) {
        co_return false;
    }
    const time_point begun = clock::now();
    for (;;) {
        const milliseconds idle = client_ended_
                                      ? std::min(half_closed_limit, settings_.tunnel_idle_timeout)
                                      : settings_.tunnel_idle_timeout;
        const deadline until{std::max(begun, last_activity_) + idle};
        const auto arrived = co_await connection_->receive(until);
        if (arrived) {
            co_return true;
        }
        // The other direction may have been in use meanwhile.
        if (arrived.error().code != errc::timeout ||
            until.at() >= std::max(begun, last_activity_) + idle) {
            co_return false;
        }
    }
}

} // namespace msd::gateway
