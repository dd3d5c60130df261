// SPDX-License-Identifier: Apache-2.0
#include "http/server_connection.hpp"

#include "net/use_tuple.hpp"

#include <asio/buffer.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace msd::http {

namespace {

constexpr std::size_t receive_bytes = std::size_t{64} * 1024;
constexpr std::size_t idle_capacity_max = 512; // of an idle connection's buffer
// What every connection may use; only more is counted as unfinished input.
constexpr std::size_t uncounted_bytes = std::size_t{4} * 1024;
constexpr std::size_t first_body_bytes = std::size_t{64} * 1024; // of a body's memory
constexpr const char* no_room = "the gateway is receiving more than it has memory for: try again";

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

// The previous request is used up.
void server_connection::begin_request() {
    release_request();
    used_before_ = used_bytes();
    complete_ = released_ = stopped_ = false;
}

asio::awaitable<server_connection::arrival> server_connection::read_head() {
    using event = wire::http_request_parser::event;
    begin_request();
    // A client that never sends a first byte gets the same time limit as a client that stops in a
    // head.
    enter(phase::idle, served_ ? idle_limit_ : std::min(idle_limit_, settings_.header_timeout));
    while (!reclaimed_) { // while the previous request was handled
        const auto outcome = parser_.feed(unread());
        consume(outcome.consumed);
        if (outcome.what == event::head) {
            served_ = true;
            enter(phase::working, milliseconds::max());
            if (!request().has_body()) {
                static_cast<void>(parser_.feed({})); // complete
                complete_ = true;
            }
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
    co_return arrival::broken;
}

int server_connection::failure_status() const {
    return reclaimed_ ? 503 : timed_out_ ? 408 : parser_.failure_status();
}

std::string_view server_connection::failure_text() const {
    return reclaimed_   ? no_room
           : timed_out_ ? "the request took too long to arrive"
                        : parser_.failure_text();
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
    if (given_ == 0) { // otherwise the reader of the piece still uses it, and then gets an error
        std::string{}.swap(input_);
        consumed_ = 0;
    }
    std::string{}.swap(body_);
    if (!unfinished) {
        return;
    }
    reclaimed_ = true; // also while a request is being handled: the next one is refused
    if (phase_ == phase::head) {
        parser_.abandon(no_room);
    }
    if (phase_ == phase::head || phase_ == phase::body) {
        asio::error_code ignored;
        socket_.cancel(ignored); // wakes fill()
    }
}

void server_connection::release_request() {
    if (!complete_ || released_) {
        return;
    }
    released_ = true;
    parser_.next_request();
    free_empty_input();
    static_cast<void>(count_input()); // not more than before
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

void server_connection::end_body() {
    complete_ = true;
    free_empty_input();
    enter(phase::working, milliseconds::max());
}

tl::unexpected<error> server_connection::why_no_body() const {
    if (reclaimed_) {
        return fail(errc::refused, no_room);
    }
    if (stopped_) {
        return fail(errc::cancelled, "the request is read no further");
    }
    return timed_out_ ? fail(errc::timeout, "the body took too long to arrive")
                      : fail(errc::closed, "the client closed the connection");
}

asio::awaitable<result<std::string>>
server_connection::read_body(std::size_t bytes_max, net::byte_budget::share* memory) {
    using event = wire::http_request_parser::event;
    if (!complete_) {
        enter(phase::body, settings_.body_timeout);
        if (request().expect_continue && unread().empty()) {
            queue_.append("HTTP/1.1 100 Continue\r\n\r\n");
        }
    }
    while (!complete_) {
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
            end_body();
        } else if (outcome.what == event::failed) {
            co_return fail(errc::malformed, std::string{parser_.failure_text()});
        } else if (outcome.what == event::more) {
            const bool filled = co_await fill();
            if (!filled) {
                co_return why_no_body();
            }
        }
    }
    std::string body = std::exchange(body_, {});
    static_cast<void>(count_input()); // not more than before
    co_return body;
}

asio::awaitable<result<std::string_view>> server_connection::read_piece() {
    using event = wire::http_request_parser::event;
    consume(std::exchange(given_, 0));
    if (phase_ == phase::tunnel) {
        co_return co_await read_raw();
    }
    while (!complete_ && !reclaimed_ && !stopped_) {
        const auto outcome = parser_.feed(unread());
        if (outcome.what == event::body) {
            given_ = outcome.consumed;
            co_return parser_.body_piece();
        }
        consume(outcome.consumed);
        if (outcome.what == event::complete) {
            end_body();
        } else if (outcome.what == event::failed) {
            co_return fail(errc::malformed, std::string{parser_.failure_text()});
        } else {
            enter(phase::body, settings_.body_timeout);
            const bool filled = co_await fill();
            if (!filled) {
                co_return why_no_body();
            }
            enter(phase::working, milliseconds::max());
        }
    }
    if (!complete_) {
        co_return why_no_body();
    }
    co_return std::string_view{};
}

void server_connection::stop_reading() {
    stopped_ = true;
    if (phase_ == phase::body || phase_ == phase::tunnel) {
        asio::error_code ignored;
        socket_.cancel(ignored); // wakes fill()
    }
}

void server_connection::start_tunnel() {
    stopped_ = false; // by an earlier try of the request
    enter(phase::tunnel, milliseconds::max());
    complete_ = false; // no request follows
    lingers_briefly_ = true;
}

asio::awaitable<result<std::string_view>> server_connection::read_raw() {
    if (unread().empty() && !has_input_ended_) {
        const bool filled = co_await fill();
        if (!filled && !has_input_ended_) {
            co_return why_no_body();
        }
    }
    if (reclaimed_ || stopped_) {
        co_return why_no_body();
    }
    given_ = unread().size();
    co_return unread();
}

// Waits for bytes and adds them to the input; false when the time is over or the peer ended.
asio::awaitable<bool> server_connection::fill() {
    if (phase_ != phase::head) {
        free_empty_input();
    }
    static_cast<void>(count_input()); // not more than before
    while (open_ && !timed_out_ && !reclaimed_ && !stopped_) {
        const auto [failure] =
            co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, net::use_tuple);
        if (failure || !open_ || timed_out_ || reclaimed_ || stopped_) {
            break;
        }
        asio::error_code broken;
        const std::size_t bytes = socket_.read_some(asio::buffer(scratch()), broken);
        if (broken == asio::error::would_block) {
            continue;
        }
        if (broken == asio::error::eof) {
            has_input_ended_ = true;
            break;
        }
        if (broken) {
            close();
            break;
        }
        received_ += bytes;
        input_.append(scratch().data(), bytes);
        co_return count_input();
    }
    co_return false;
}

} // namespace msd::http
