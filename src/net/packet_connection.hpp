// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "net/watchdog.hpp"
#include "wire/frame_reader.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace msd::net {

// The address of a peer, IPv4-mapped addresses as plain IPv4.
struct peer_address {
    std::string host;
    std::uint16_t port = 0;

    [[nodiscard]] std::string text() const; // "127.0.0.1:9000", "[::1]:9000"
};

struct packet_connection_settings {
    std::size_t frame_bytes_max = 1 << 20;
    milliseconds frame_timeout{30'000}; // from the first byte of a frame to its last
};

// One TCP connection that carries packets both ways. Reading is pulled by the one coroutine that
// owns the connection; sending never waits: frames are queued and leave together at the end of the
// loop's turn, so a burst costs one system call. Whoever sends bounds the queue by unsent_bytes().
// Single-threaded. Must not be destroyed while receive() or flushed() is suspended; close() first.
class packet_connection {
public:
    packet_connection(
        asio::ip::tcp::socket socket, watchdog& dog, packet_connection_settings settings
    );
    ~packet_connection();
    packet_connection(const packet_connection&) = delete;
    packet_connection& operator=(const packet_connection&) = delete;

    /// The next whole frame among the bytes already received, see wire::frame_reader.
    [[nodiscard]] wire::frame_reader::result next() { return reader_.next(); }

    /// Waits for bytes. errc::closed: the peer ended or close() was called; errc::timeout: a frame
    /// stayed unfinished too long. Ends the life of views from next().
    asio::awaitable<result<void>> receive();

    /// Appends whole frames to the queue; nothing once the connection is closed.
    void send(std::string_view frames);
    /// The same without a copy, for one text that goes to many.
    void send(std::shared_ptr<const std::string> frames);

    /// One send() system call carries at most one queued piece: legacy foreign peers want whole packets.
    void send_pieces_apart() { pieces_apart_ = true; }

    [[nodiscard]] std::size_t unsent_bytes() const { return unsent_; }
    /// Waits until everything is handed to the kernel; false when that failed or `until` passed.
    asio::awaitable<bool> flushed(deadline until);

    /// Ends the connection now; wakes receive(). What is unsent is dropped.
    void close();
    /// Says that nothing more will be sent, after the queue is empty.
    void finish_sending();
    [[nodiscard]] bool is_open() const { return open_; }

    [[nodiscard]] const peer_address& peer() const { return peer_; }
    [[nodiscard]] asio::any_io_executor executor() { return socket_.get_executor(); }

private:
    struct piece {
        std::string own;
        std::shared_ptr<const std::string> shared;
        [[nodiscard]] std::string_view bytes() const {
            return shared ? std::string_view{*shared} : std::string_view{own};
        }
    };

    void schedule_flush();
    void flush();
    void wait_writable();

    asio::ip::tcp::socket socket_;
    wire::frame_reader reader_;
    packet_connection_settings settings_;
    watchdog::guard frame_guard_;
    peer_address peer_;
    std::deque<piece> queue_;
    std::size_t sent_of_first_ = 0;
    std::size_t unsent_ = 0;
    asio::steady_timer drained_; // cancelled when the queue gets empty or the connection ends
    bool open_ = true;
    bool timed_out_ = false;
    bool flush_scheduled_ = false;
    bool waiting_writable_ = false;
    bool finish_ = false;
    bool pieces_apart_ = false;
    std::shared_ptr<bool> alive_; // false once destroyed: for callbacks still queued in the loop
};

/// Takes over an accepted descriptor: non-blocking, TCP_NODELAY.
[[nodiscard]] asio::ip::tcp::socket adopt_socket(const asio::any_io_executor& executor, int fd);

/// Connects to a name or an address; every address of a name is tried. errc::unavailable with the
/// system's reason, errc::timeout.
asio::awaitable<result<asio::ip::tcp::socket>>
connect(asio::any_io_executor executor, std::string host, std::uint16_t port, deadline until);

} // namespace msd::net
