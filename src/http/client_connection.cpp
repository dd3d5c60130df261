// SPDX-License-Identifier: Apache-2.0
#include "http/client_connection.hpp"

#include "net/use_tuple.hpp"
#include "wire/http_response_parser.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>

#include <poll.h>

#include <algorithm>
#include <utility>

namespace msd::http {

namespace {

using parser_event = wire::http_response_parser::event;

constexpr const char* was_reset = "the connection was reset";
constexpr const char* no_time = "no byte arrived in time";

} // namespace

client_connection::client_connection(asio::ip::tcp::socket socket, net::watchdog& dog)
    : socket_{std::move(socket)},
      guard_{
          dog,
          [this] {
              on_guard();
          }},
      queue_{
          socket_,
          [this] {
              on_send_failure();
          }},
      parser_{std::make_unique<wire::http_response_parser>()},
      capacity_{receive_bytes_idle},
      alive_{std::make_shared<bool>(true)} {}

client_connection::~client_connection() {
    *alive_ = false;
}

// The program may have replied before it closed the connection, so reading goes on.
void client_connection::on_send_failure() {
    can_send_ = false;
    lost_after_sending_ = queue_.unsent_bytes() < composed_;
    queue_.clear();
}

bool client_connection::has_sent() const {
    return can_send_ ? queue_.unsent_bytes() < composed_ : lost_after_sending_;
}

void client_connection::begin_request(bool is_head, bool asks_upgrade) {
    parser_->expect({is_head, asks_upgrade});
    complete_ = false;
    received_ = false;
    request_open_ = true;
    composed_ = 0;
    bytes_left_.reset();
    piece_ = {};
}

void client_connection::send_borrowed(std::string_view bytes) {
    if (can_send_ && !bytes.empty()) {
        composed_ += bytes.size();
        queue_.append(alive_, bytes); // any owner will do
    }
}

asio::awaitable<result<void>> client_connection::sent(std::size_t unsent_max, milliseconds stall) {
    while (can_send_ && queue_.unsent_bytes() > unsent_max) {
        const deadline until{queue_.last_progress() + stall};
        co_await queue_.unsent_below(unsent_max, until);
        if (queue_.unsent_bytes() > unsent_max && clock::now() >= queue_.last_progress() + stall) {
            co_return fail(errc::timeout, "the program took no byte of the request in time");
        }
    }
    if (!can_send_) {
        co_return fail(errc::closed, "the program closed the connection");
    }
    co_return result<void>{};
}

client_connection::event client_connection::next() {
    const std::string_view unread{buffer_.get() + begin_, end_ - begin_};
    auto outcome = parser_->feed(unread);
    begin_ += outcome.consumed;
    if (outcome.what == parser_event::more && ended_) {
        outcome.what = is_end_orderly_ ? parser_->end() : parser_event::failed;
    }
    switch (outcome.what) {
    case parser_event::more:
        return event::more;
    case parser_event::interim:
        return event::interim;
    case parser_event::head: {
        const auto idle_s = parser_->response().idle_s;
        announced_idle_ = idle_s ? milliseconds{*idle_s * std::int64_t{1000}} : milliseconds::max();
        return event::head;
    }
    case parser_event::body:
        piece_ = parser_->body_piece();
        return event::body;
    case parser_event::complete:
        complete_ = true;
        return event::complete;
    case parser_event::failed:
        break;
    }
    return event::failed;
}

wire::http_response& client_connection::reply() {
    return parser_->response();
}

const wire::http_fields& client_connection::trailers() const {
    return parser_->trailers();
}

std::string_view client_connection::failure() const {
    const std::string_view text = parser_->failure_text();
    return text.empty() ? std::string_view{was_reset} : text;
}

asio::awaitable<result<void>> client_connection::receive(deadline until) {
    if (!open_) {
        co_return fail(errc::cancelled, "the connection was closed");
    }
    if (ended_) {
        co_return result<void>{};
    }
    if (!reading_) {
        start_read();
    }
    guard_.set(until);
    waiting_.emplace();
    auto arrived = co_await waiting_->wait();
    guard_.clear();
    waiting_.reset();
    if (!arrived) {
        co_return tl::unexpected{std::move(arrived.error())};
    }
    co_return result<void>{};
}

// Everything in the buffer is parsed; what it held may still be used by the owners of its pieces.
void client_connection::start_read() {
    piece_ = {};
    if (!buffer_ || buffer_.use_count() > 1 || capacity_ != allocated_) {
        buffer_ = std::make_shared_for_overwrite<char[]>(capacity_);
        allocated_ = capacity_;
    }
    begin_ = end_ = 0;
    reading_ = true;
    socket_.async_read_some(
        asio::buffer(buffer_.get(), capacity_),
        [this, alive = alive_](const asio::error_code& failure, std::size_t bytes) {
            if (*alive) {
                on_read(failure, bytes);
            }
        }
    );
}

void client_connection::on_read(const asio::error_code& failure, std::size_t bytes) {
    reading_ = false;
    if (failure) {
        ended_ = true;
        is_end_orderly_ = failure == asio::error::eof;
    } else {
        end_ = bytes;
        if (bytes_left_) {
            ended_ = bytes > *bytes_left_;
            end_ = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, *bytes_left_));
            *bytes_left_ -= end_;
        }
        received_ = received_ || end_ > 0;
        if (bytes == capacity_) {
            capacity_ = receive_bytes_max; // the program sends much: fewer system calls
        }
    }
    if (on_idle_end_) {
        std::exchange(on_idle_end_, nullptr)(); // may destroy this connection
    } else if (waiting_) {
        waiting_->set(true);
    }
}

void client_connection::on_guard() {
    if (on_idle_end_) {
        std::exchange(on_idle_end_, nullptr)(); // destroys this connection
    } else if (waiting_) {
        waiting_->set(fail(errc::timeout, no_time));
    }
}

bool client_connection::is_reusable() const {
    return open_ && can_send_ && complete_ && !request_open_ && !ended_ && begin_ == end_ &&
           queue_.unsent_bytes() == 0 && parser_->response().keep_alive;
}

void client_connection::watch_idle(std::function<void()> on_end, deadline until) {
    parser_->drop_response();
    capacity_ = receive_bytes_idle;
    received_ = false;
    on_idle_end_ = std::move(on_end);
    guard_.set(until);
    if (!reading_) {
        start_read();
    }
}

bool client_connection::wake() {
    guard_.clear();
    on_idle_end_ = nullptr;
    return open_ && !ended_ && end_ == 0 && is_silent();
}

// Nothing has arrived that the loop has not seen yet: neither bytes nor the end.
bool client_connection::is_silent() {
    pollfd seen{socket_.native_handle(), POLLIN, 0};
    return poll(&seen, 1, 0) == 0;
}

void client_connection::close() {
    if (!open_) {
        return;
    }
    open_ = false;
    can_send_ = false;
    guard_.clear();
    asio::error_code ignored;
    socket_.close(ignored);
    queue_.clear();
    if (waiting_) {
        waiting_->set(fail(errc::cancelled, "the connection was closed"));
    }
}

} // namespace msd::http
