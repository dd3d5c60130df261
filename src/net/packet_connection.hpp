// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/input_budget.hpp"
#include "net/connect.hpp"
#include "net/send_queue.hpp"
#include "net/watchdog.hpp"
#include "wire/frame_reader.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace msd::net {

struct packet_connection_settings {
    std::size_t frame_bytes_max = 1 << 20;
    milliseconds frame_timeout{30'000}; // from the first byte of a frame to its last
    // Of all connections of the worker, must outlive this one; null: the buffer is not counted.
    core::input_budget* memory = nullptr;
    // The peer is not known: its stream must begin with a packet (wire/frame_reader.hpp). The time
    // of a frame also limits the white space before the first one.
    bool expects_packets = false;
};

// One TCP connection that carries packets in both directions. The coroutine that owns the
// connection calls receive(); sending never waits: frames are queued and leave together at the end
// of the loop's turn, so a burst costs one system call. The sender limits the queue by
// unsent_bytes(). Single-threaded. Call close() before destroying it while receive() or flushed()
// is suspended.
class packet_connection : private core::input_budget::holder {
public:
    packet_connection(
        asio::ip::tcp::socket socket,
        watchdog& dog,
        packet_connection_settings settings
    );
    ~packet_connection() override;
    packet_connection(const packet_connection&) = delete;
    packet_connection& operator=(const packet_connection&) = delete;

    /// The next whole frame among the bytes already received, see wire::frame_reader.
    [[nodiscard]] wire::frame_reader::result next();

    /// See wire::frame_reader: keeps the frames handed out since the last receive() alive.
    [[nodiscard]] std::shared_ptr<const void> share() const { return reader_.share(); }
    [[nodiscard]] std::size_t buffer_bytes() const { return reader_.buffer_bytes(); }

    /// Waits for bytes. errc::closed: the peer has shut down its sending side (then is_open() is
    /// still true) or the connection ended; errc::timeout: a frame was not complete in time;
    /// errc::refused: the frame was dropped, because the unfinished input of the worker exceeds its
    /// bound, and nothing more can be received. Invalidates the views that next() returned.
    asio::awaitable<result<void>> receive();

    /// The kernel holds bytes that receive() has not read yet.
    [[nodiscard]] bool has_unreceived() const;

    /// Appends whole frames to the queue. Does nothing once the connection is closed.
    void send(std::string_view frames);
    /// The same without a copy, for one text that is sent on many connections.
    void send(std::shared_ptr<const std::string> frames);
    void send(std::shared_ptr<const void> owner, std::string_view frames);
    /// Lets `write` append whole frames to the queue itself: void(std::string&).
    template <class Write>
    void compose(Write write) {
        if (open_) {
            queue_.compose(write);
        }
    }
    /// See send_queue.
    void send_pieces_apart() { queue_.send_pieces_apart(); }
    [[nodiscard]] std::size_t unsent_bytes() const { return queue_.unsent_bytes(); }
    /// Waits until everything is handed to the kernel; false when that failed or `until` passed.
    asio::awaitable<bool> flushed(deadline until);

    /// Ends the connection now; wakes receive(). Unsent bytes are dropped.
    void close();
    /// Call when everything is flushed(): shuts down the sending side, drops what the peer still
    /// sends (net/linger.hpp), and closes.
    asio::awaitable<void> linger();
    /// Shuts the sending side down once the queue is empty.
    void finish_sending() { queue_.finish(); }
    [[nodiscard]] bool is_open() const { return open_; }

    // For a connection that is handed over to another process.
    [[nodiscard]] int descriptor() { return socket_.native_handle(); }
    /// The received bytes of an incomplete frame.
    [[nodiscard]] std::string_view unread() const { return reader_.unread(); }
    /// The deadline of that frame; never when there is no such frame.
    [[nodiscard]] deadline frame_until() const;
    /// See send_queue.
    template <class Take>
    void for_each_unsent(Take take) const {
        queue_.for_each_unsent(take);
    }
    /// Continues a handed over connection with its unread() and frame_until().
    void resume(std::string_view unread, deadline frame_until);

    [[nodiscard]] const peer_address& peer() const { return peer_; }
    /// See net/connect.hpp.
    [[nodiscard]] bool is_peer_on_this_host() const { return net::is_peer_on_this_host(socket_); }
    [[nodiscard]] asio::any_io_executor executor() { return socket_.get_executor(); }

private:
    [[nodiscard]] time_point unfinished_since() const override;
    void reclaim() override;
    void release_idle();
    void release_if_due();
    [[nodiscard]] bool is_unfinished() const {
        return reader_.in_frame() || reader_.in_leading_space();
    }
    void on_guard();
    void watch_frame();
    [[nodiscard]] tl::unexpected<error> ended() const;

    asio::ip::tcp::socket socket_;
    watchdog& dog_;
    wire::frame_reader reader_;
    packet_connection_settings settings_;
    core::input_budget::share memory_; // the reader's buffer
    watchdog::guard frame_guard_;
    peer_address peer_;
    send_queue queue_;
    bool open_ = true;
    bool timed_out_ = false;
    bool reclaimed_ = false;     // a frame was dropped
    bool is_waiting_ = false;    // in receive(): nobody uses frames
    bool release_due_ = false;   // receive() has to free the buffer
    bool frame_watched_ = false; // the guard runs for the frame that is being received
};

} // namespace msd::net
