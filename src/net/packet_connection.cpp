// SPDX-License-Identifier: Apache-2.0
#include "net/packet_connection.hpp"

#include "net/linger.hpp"
#include "net/use_tuple.hpp"

#include <asio/buffer.hpp>
#include <asio/post.hpp>

#include <algorithm>
#include <utility>

namespace msd::net {

namespace {

constexpr std::size_t receive_bytes_min = std::size_t{16} * 1024;
constexpr milliseconds idle_before_release{1000}; // then the receive buffer is released

} // namespace

packet_connection::packet_connection(
    asio::ip::tcp::socket socket,
    watchdog& dog,
    packet_connection_settings settings
)
    : socket_{std::move(socket)},
      dog_{dog},
      reader_{settings.frame_bytes_max},
      settings_{settings},
      memory_{settings.memory, *this},
      frame_guard_{
          dog,
          [this] {
              on_guard();
          }},
      peer_{address_of(socket_)},
      queue_{socket_, [this] {
                 close();
             }} {
    reader_.expect_packets(settings.expects_packets);
}

packet_connection::~packet_connection() = default;

// The frame's time does not run while the owner handles earlier frames and does not read.
void packet_connection::on_guard() {
    if (!is_unfinished()) {
        if (is_waiting_) {
            release_idle();
        }
    } else if (frame_watched_) {
        timed_out_ = true;
        close();
    }
}

void packet_connection::release_idle() {
    reader_.release_idle();
    memory_.shrink(reader_.buffer_bytes());
}

time_point packet_connection::unfinished_since() const {
    if (!reader_.in_frame()) {
        return time_point::max();
    }
    return frame_watched_ ? frame_guard_.until() - settings_.frame_timeout : clock::now();
}

void packet_connection::reclaim() {
    release_due_ = true;
    if (reader_.in_frame()) {
        reclaimed_ = true;
        frame_guard_.clear();
        asio::error_code ignored;
        socket_.cancel(ignored); // wakes receive()
    }
    if (is_waiting_) {
        // A coroutine that was resumed with a frame may still be in the queue of the event loop.
        asio::post(socket_.get_executor(), [kept = reader_.share()] {});
        release_if_due();
    }
}

// While the owner handles frames, for more than one turn of the loop perhaps, they stay valid.
void packet_connection::release_if_due() {
    if (!std::exchange(release_due_, false)) {
        return;
    }
    if (reclaimed_) {
        reader_.drop();
    } else {
        reader_.release_idle();
    }
}

wire::frame_reader::result packet_connection::next() {
    const auto found = reader_.next();
    if (found.state == wire::frame_reader::status::complete) {
        frame_watched_ = false; // the next frame has its own time
    }
    return found;
}

asio::awaitable<result<void>> packet_connection::receive() {
    for (;;) {
        release_if_due();
        if (!open_ || reclaimed_) {
            co_return ended();
        }
        watch_frame();
        is_waiting_ = true;
        const auto [wait_failure] =
            co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, use_tuple);
        is_waiting_ = false;
        if (reclaimed_) {
            co_return ended();
        }
        if (wait_failure || !open_) {
            close();
            co_return ended();
        }
        const auto room = reader_.prepare(receive_bytes_min);
        if (reader_.buffer_bytes() != memory_.bytes() &&
            !memory_.resize(reader_.buffer_bytes(), clock::now())) {
            continue; // the buffer is gone
        }
        asio::error_code failure;
        const std::size_t bytes =
            socket_.read_some(asio::buffer(room.data(), room.size()), failure);
        if (failure == asio::error::would_block) {
            continue;
        }
        if (failure == asio::error::eof) {
            co_return ended(); // the peer may still be reading
        }
        if (failure) {
            close();
            co_return ended();
        }
        reader_.commit(bytes);
        co_return result<void>{};
    }
}

bool packet_connection::has_unreceived() const {
    asio::error_code failed;
    return open_ && socket_.available(failed) > 0;
}

// The time of a frame runs from its first byte, however often bytes of it arrive.
void packet_connection::watch_frame() {
    if (!is_unfinished()) {
        frame_watched_ = false;
        frame_guard_.set(deadline::in(idle_before_release));
    } else if (!frame_watched_) {
        frame_watched_ = true;
        frame_guard_.set(deadline::in(settings_.frame_timeout));
    }
}

deadline packet_connection::frame_until() const {
    return frame_watched_ && is_unfinished() ? deadline{frame_guard_.until()} : deadline::never();
}

void packet_connection::resume(std::string_view unread, deadline frame_until) {
    reader_.expect_packets(false);
    const auto room = reader_.prepare(unread.size());
    std::copy(unread.begin(), unread.end(), room.begin());
    reader_.commit(unread.size());
    // There is room for what another worker had: its bound is the same.
    static_cast<void>(memory_.resize(reader_.buffer_bytes(), clock::now()));
    frame_watched_ = frame_until.at() != time_point::max();
    frame_guard_.set(frame_until);
}

tl::unexpected<error> packet_connection::ended() const {
    if (reclaimed_) {
        return fail(
            errc::refused,
            "closing " + peer_.text() +
                ": unfinished input exceeds the bound, and this connection has occupied the most"
        );
    }
    if (timed_out_) {
        return fail(errc::timeout, "a frame from " + peer_.text() + " was not complete in time");
    }
    return fail(errc::closed, "connection with " + peer_.text() + " ended");
}

void packet_connection::send(std::string_view frames) {
    if (open_) {
        queue_.append(frames);
    }
}

void packet_connection::send(std::shared_ptr<const std::string> frames) {
    const std::string_view bytes = *frames;
    send(std::move(frames), bytes);
}

void packet_connection::send(std::shared_ptr<const void> owner, std::string_view frames) {
    if (open_) {
        queue_.append(std::move(owner), frames);
    }
}

asio::awaitable<bool> packet_connection::flushed(deadline until) {
    const bool emptied = co_await queue_.flushed(until);
    co_return emptied&& open_;
}

asio::awaitable<void> packet_connection::linger() {
    queue_.finish();
    frame_guard_.clear();
    if (open_) {
        const linger_bounds bounds;
        co_await drop_input(&socket_, &dog_, bounds);
    }
    close();
}

void packet_connection::close() {
    if (!open_) {
        return;
    }
    open_ = false;
    frame_guard_.clear();
    asio::error_code ignored;
    socket_.close(ignored);
    queue_.clear();
}

} // namespace msd::net
