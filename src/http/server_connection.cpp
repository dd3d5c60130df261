// SPDX-License-Identifier: Apache-2.0
#include "http/server_connection.hpp"

#include "net/linger.hpp"
#include "net/use_tuple.hpp"

#include <asio/buffer.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <utility>

namespace msd::http {

namespace {

constexpr std::size_t receive_bytes = std::size_t{64} * 1024;
constexpr std::size_t idle_capacity_max = 512; // of an idle connection's buffer
// What every connection may use; only more is counted as unfinished input.
constexpr std::size_t uncounted_bytes = std::size_t{4} * 1024;
constexpr std::size_t first_body_bytes = std::size_t{64} * 1024; // of a body's memory
constexpr const char* no_room = "the gateway is receiving more than it has memory for: try again";
constexpr milliseconds client_check{250};

// One receive buffer for all connections of the worker: a connection empties it before it waits.
std::array<char, receive_bytes>& scratch() {
    static std::array<char, receive_bytes> buffer;
    return buffer;
}

} // namespace

std::string body_too_large(std::size_t bytes_max) {
    return "the body is too large: send at most " + std::to_string(bytes_max) + " bytes";
}

server_connection::server_connection(
    asio::ip::tcp::socket socket,
    net::watchdog& dog,
    const server_connection_settings& settings
)
    : socket_{std::move(socket)},
      dog_{dog},
      settings_{settings},
      parser_{settings.limits},
      memory_{settings.memory, *this},
      guard_{
          dog,
          [this] {
              on_guard();
          }},
      queue_{
          socket_,
          [this] {
              close();
          }},
      peer_{net::address_of(socket_)},
      idle_limit_{settings.keepalive_timeout} {}

server_connection::~server_connection() = default;

std::string_view server_connection::unread() const {
    return std::string_view{input_}.substr(consumed_);
}

void server_connection::consume(std::size_t bytes) {
    consumed_ += bytes;
    if (consumed_ == input_.size()) {
        input_.clear();
        consumed_ = 0;
    }
}

asio::awaitable<server_connection::arrival> server_connection::read_head() {
    using event = wire::http_request_parser::event;
    // A client that never sends a first byte gets the same time limit as a client that stops in a
    // head.
    enter(phase::idle, served_ ? idle_limit_ : std::min(idle_limit_, settings_.header_timeout));
    for (;;) {
        const auto outcome = parser_.feed(unread());
        consume(outcome.consumed);
        if (outcome.what == event::head) {
            served_ = true;
            enter(phase::working, milliseconds::max());
            co_return arrival::head;
        }
        if (outcome.what == event::failed) {
            co_return arrival::broken;
        }
        if (phase_ == phase::idle && parser_.in_message()) {
            enter(phase::head, settings_.header_timeout);
        }
        const bool filled = co_await fill();
        if (!filled) {
            co_return timed_out_ || reclaimed_ ? arrival::broken : arrival::ended;
        }
    }
}

int server_connection::failure_status() const {
    return timed_out_ ? 408 : parser_.failure_status();
}

std::string_view server_connection::failure_text() const {
    return timed_out_ ? "the request took too long to arrive" : parser_.failure_text();
}

void server_connection::free_empty_input() {
    if (input_.empty() && input_.capacity() > idle_capacity_max) {
        std::string{}.swap(input_);
    }
}

std::size_t server_connection::held_bytes() const {
    return input_.capacity() + body_.capacity() + parser_.held_bytes();
}

// Call it after a read, and before memory that has been received is used up. False: the input was
// dropped.
bool server_connection::count_input() {
    const std::size_t held = held_bytes();
    const std::size_t counted = held > uncounted_bytes ? held : 0;
    if (counted == memory_.bytes()) {
        return true;
    }
    const time_point now = clock::now();
    counted_since_ = memory_.bytes() == 0 ? now : counted_since_;
    return memory_.resize(counted, now) || !reclaimed_;
}

time_point server_connection::unfinished_since() const {
    const bool unfinished = phase_ == phase::head || phase_ == phase::body || !unread().empty();
    return unfinished && phase_ != phase::lingering ? counted_since_ : time_point::max();
}

// Called while this connection waits, or by its count_input().
void server_connection::reclaim() {
    const bool unfinished = unfinished_since() != time_point::max();
    std::string{}.swap(input_);
    consumed_ = 0;
    std::string{}.swap(body_);
    if (!unfinished) {
        return;
    }
    reclaimed_ = true;
    parser_.abandon(no_room); // while a request is being handled: the next one is refused
    if (phase_ == phase::head || phase_ == phase::body) {
        asio::error_code ignored;
        socket_.cancel(ignored); // wakes fill()
    }
}

void server_connection::skip_body() {
    const auto outcome = parser_.feed({});
    assert(outcome.what == wire::http_request_parser::event::complete);
    (void)outcome;
    parser_.next_request();
}

// Adds the piece that the parser has found to the body. False: there is no memory for it.
bool server_connection::keep_piece(std::size_t bytes_max) {
    const std::size_t bytes = body_.size() + parser_.body_piece().size();
    if (bytes > body_.capacity()) {
        const auto announced = request().content_length;
        const std::size_t whole = std::min<std::uint64_t>(announced.value_or(bytes_max), bytes_max);
        const std::size_t first = announced ? first_body_bytes : bytes;
        body_.reserve(std::max(bytes, std::min(whole, std::max(2 * body_.capacity(), first))));
        if (!count_input()) {
            return false;
        }
    }
    body_.append(parser_.body_piece());
    return true;
}

asio::awaitable<result<std::string>>
server_connection::read_body(std::size_t bytes_max, net::byte_budget::share* memory) {
    using event = wire::http_request_parser::event;
    if (request().has_body()) {
        enter(phase::body, settings_.body_timeout);
        if (request().expect_continue && unread().empty()) {
            queue_.append("HTTP/1.1 100 Continue\r\n\r\n");
        }
    }
    for (;;) {
        const auto outcome = parser_.feed(unread());
        if (outcome.what == event::body) {
            const std::size_t bytes = body_.size() + parser_.body_piece().size();
            if (bytes > bytes_max) {
                co_return fail(errc::too_large, body_too_large(bytes_max));
            }
            if (!memory->resize(bytes) || !keep_piece(bytes_max)) {
                co_return fail(errc::refused, no_room);
            }
        }
        consume(outcome.consumed);
        if (outcome.what == event::complete) {
            parser_.next_request();
            free_empty_input();
            enter(phase::working, milliseconds::max());
            std::string body = std::exchange(body_, {});
            static_cast<void>(count_input()); // not more than before
            co_return body;
        }
        if (outcome.what == event::failed) {
            co_return fail(errc::malformed, std::string{parser_.failure_text()});
        }
        if (outcome.what == event::body) {
            continue;
        }
        const bool filled = co_await fill();
        if (reclaimed_) {
            co_return fail(errc::refused, no_room);
        }
        if (!filled) {
            co_return timed_out_ ? fail(errc::timeout, "the body took too long to arrive")
                                 : fail(errc::closed, "the client closed the connection");
        }
    }
}

// Waits for bytes and adds them to the input; false when the time is over or the peer ended.
asio::awaitable<bool> server_connection::fill() {
    if (phase_ == phase::idle || phase_ == phase::body) {
        free_empty_input();
    }
    static_cast<void>(count_input()); // not more than before
    while (open_ && !timed_out_ && !reclaimed_) {
        const auto [failure] =
            co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, net::use_tuple);
        if (failure || !open_ || timed_out_ || reclaimed_) {
            break;
        }
        asio::error_code broken;
        const std::size_t bytes = socket_.read_some(asio::buffer(scratch()), broken);
        if (broken == asio::error::would_block) {
            continue;
        }
        if (broken) {
            break;
        }
        input_.append(scratch().data(), bytes);
        co_return count_input();
    }
    co_return false;
}

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
    if (queue_.unsent_bytes() > 0 && now - queue_.last_progress() >= settings_.stall_timeout) {
        close();
        return;
    }
    if (now >= phase_until_) {
        phase_is_over();
    } else if (on_close_ && has_client_closed()) {
        const auto on_close = std::exchange(on_close_, nullptr);
        close();
        on_close(); // may end the session, and this connection with it
        return;
    }
    if (!open_) {
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
    guard_.set(deadline{std::min(guard_.until(), clock::now() + client_check)});
}

void server_connection::unwatch_client() {
    on_close_ = nullptr;
}

asio::awaitable<void> server_connection::linger() {
    std::string{}.swap(input_); // no request follows
    consumed_ = 0;
    std::string{}.swap(body_);
    static_cast<void>(count_input()); // less than before
    // There is no time limit as long as the client reads: only a stall ends the connection.
    enter(phase::working, milliseconds::max());
    guard_.set(deadline{std::min(guard_.until(), clock::now() + settings_.stall_timeout)});
    const bool sent = co_await queue_.flushed(deadline::never());
    if (sent && open_) {
        queue_.finish();
        enter(phase::lingering, milliseconds::max());
        net::linger_bounds bounds;
        bounds.bytes_max = std::numeric_limits<std::size_t>::max();
        bounds.total = is_idle_shortened_ ? std::min(bounds.total, settings_.body_timeout)
                                          : settings_.body_timeout;
        co_await net::drop_input(&socket_, &dog_, bounds);
    }
    close();
}

asio::awaitable<bool> server_connection::unsent_below(std::size_t bytes) {
    while (open_ && queue_.unsent_bytes() > bytes) {
        guard_.set(deadline{std::min(guard_.until(), clock::now() + settings_.stall_timeout)});
        co_await queue_.flushed(deadline::in(settings_.stall_timeout));
    }
    co_return open_;
}

void server_connection::shorten_idle(milliseconds fresh, milliseconds served) {
    idle_limit_ = std::min(idle_limit_, served_ ? served : fresh);
    is_idle_shortened_ = true;
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
    guard_.clear();
    asio::error_code ignored;
    socket_.close(ignored);
    queue_.clear();
}

} // namespace msd::http
