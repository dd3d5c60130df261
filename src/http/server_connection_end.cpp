// SPDX-License-Identifier: Apache-2.0
// The time limits of a connection, and its end.
#include "http/server_connection.hpp"
#include "net/linger.hpp"

#include <poll.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace msd::http {

namespace {

constexpr milliseconds client_check{250};

} // namespace

void server_connection::enter(phase next, milliseconds limit) {
    phase_ = next;
    if (limit == milliseconds::max()) {
        phase_until_ = time_point::max();
    } else {
        phase_until_ = clock::now() + limit;
        guard_.set(deadline{std::min(phase_until_, guard_.until())});
    }
}

// The guard may expire early, when the deadline was moved after it was set; then it is set again.
void server_connection::on_guard() {
    const time_point now = clock::now();
    if (open_) {
        check_limits(now);
    }
    if (!open_) {
        if (const auto on_close = std::exchange(on_close_, nullptr)) {
            on_close(); // may end the exchange, and this connection with it
        }
        return;
    }
    time_point next = phase_until_;
    if (queue_.unsent_bytes() > 0) {
        next = std::min(next, queue_.last_progress() + settings_.stall_timeout);
    }
    if (on_close_) {
        next = std::min(next, now + client_check);
    }
    guard_.set(deadline{next});
}

void server_connection::check_limits(time_point now) {
    const bool stalls =
        queue_.unsent_bytes() > 0 && now - queue_.last_progress() >= settings_.stall_timeout;
    if (!stalls && now >= phase_until_) {
        phase_is_over();
    } else if (stalls || (on_close_ && has_client_closed())) {
        close();
    }
}

void server_connection::phase_is_over() {
    phase_until_ = time_point::max();
    if (phase_ == phase::head || phase_ == phase::body) {
        timed_out_ = true;
        asio::error_code ignored;
        socket_.cancel(ignored);
    } else if (queue_.unsent_bytes() > 0 && phase_ == phase::idle) {
        phase_until_ = clock::now() + idle_limit_; // still being answered
    } else {
        close();
    }
}

// End of file alone does not count: the client may have shut down its sending side only and still
// read the reply. A reset counts; poll() reports a reset also behind unread bytes and end of file.
bool server_connection::has_client_closed() {
    pollfd seen{socket_.native_handle(), 0, 0};
    return poll(&seen, 1, 0) > 0 && (seen.revents & (POLLERR | POLLHUP)) != 0;
}

void server_connection::watch_client(std::function<void()> on_close) {
    on_close_ = std::move(on_close);
    const time_point next = open_ ? clock::now() + client_check : time_point::min();
    guard_.set(deadline{std::min(guard_.until(), next)});
}

void server_connection::unwatch_client() {
    on_close_ = nullptr;
}

asio::awaitable<void> server_connection::linger() {
    std::string{}.swap(input_); // no request follows
    consumed_ = 0;
    given_ = 0;
    std::string{}.swap(body_);
    parser_.abandon("the connection ends");
    static_cast<void>(count_input()); // less than before
    // There is no time limit as long as the client reads: only a stall ends the connection.
    enter(phase::working, milliseconds::max());
    const bool sent = co_await unsent_below(0);
    if (sent) {
        queue_.finish();
        enter(phase::lingering, milliseconds::max());
        net::linger_bounds bounds;
        bounds.bytes_max = std::numeric_limits<std::size_t>::max();
        bounds.total = lingers_briefly_ ? std::min(bounds.total, settings_.body_timeout)
                                        : settings_.body_timeout;
        co_await net::drop_input(&socket_, &dog_, bounds);
    }
    close();
}

asio::awaitable<void> server_connection::send_and_reset() {
    enter(phase::working, milliseconds::max());
    const bool sent = co_await unsent_below(0);
    if (sent) {
        asio::error_code ignored;
        socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
    }
    close();
}

asio::awaitable<bool> server_connection::unsent_below(std::size_t bytes) {
    while (open_ && queue_.unsent_bytes() > bytes) {
        guard_.set(deadline{std::min(guard_.until(), clock::now() + settings_.stall_timeout)});
        co_await queue_.unsent_below(bytes, deadline::in(settings_.stall_timeout));
    }
    co_return open_;
}

void server_connection::shorten_idle(milliseconds fresh, milliseconds served) {
    idle_limit_ = std::min(idle_limit_, served_ ? served : fresh);
    lingers_briefly_ = true;
    if (phase_ == phase::idle) {
        enter(phase::idle, idle_limit_);
    } else if (phase_ == phase::lingering) {
        enter(phase::lingering, net::linger_bounds{}.total);
    }
}

void server_connection::close() {
    if (!open_) {
        return;
    }
    open_ = false;
    if (on_close_) {
        guard_.set(deadline{time_point::min()});
    } else {
        guard_.clear();
    }
    asio::error_code ignored;
    socket_.close(ignored);
    queue_.clear();
}

} // namespace msd::http
