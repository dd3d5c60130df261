// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "net/one_shot.hpp"
#include "net/send_queue.hpp"
#include "net/watchdog.hpp"
#include "wire/http_fields.hpp"

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace msd::wire {
struct http_response;
class http_response_parser;
} // namespace msd::wire

namespace msd::http {

// The gateway's end of one HTTP/1.1 connection to a web program: one request after the other, each
// with its reply as a stream of events. Requests leave through a queue, replies are read only when
// the owner asks for more, so a slow client slows the program down. The owner writes requests with
// the functions of wire/http_message; the reply is read by wire/http_response_parser.
//
// A reply begins whenever the program sends one, also while the request's body is still being sent.
// Single-threaded.
class client_connection {
public:
    // Of one read; what is not parsed yet stays in this buffer.
    static constexpr std::size_t receive_bytes_max = std::size_t{32} * 1024;
    static constexpr std::size_t receive_bytes_idle = std::size_t{4} * 1024;

    enum class event : std::uint8_t {
        more,     // receive() has to read further bytes
        interim,  // reply() is an informational reply (1xx); the final one follows
        head,     // reply() is the final reply; its body follows, if it has one. 101: raw bytes
                  // follow
        body,     // piece() holds the next bytes of the body, or of the tunnel
        complete, // the reply ended
        failed,   // failure() says why, for people; the connection cannot be used further
    };

    client_connection(asio::ip::tcp::socket socket, net::watchdog& dog);
    ~client_connection();
    client_connection(const client_connection&) = delete;
    client_connection& operator=(const client_connection&) = delete;

    // The request.

    /// Before the head of each request is sent. The reply to HEAD has no body; only a request with
    /// Upgrade can get 101.
    void begin_request(bool is_head, bool asks_upgrade);
    /// For tests: the present reply breaks off behind so many bytes, as by a reset.
    void lose_after(std::uint64_t bytes) { bytes_left_ = bytes; }
    /// The request is sent to its end. Until then is_reusable() is false.
    void request_sent() { request_open_ = false; }
    /// Lets `write` append to the bytes that leave at the end of the loop's turn, or with flush():
    /// void(std::string&). Dropped when sending has failed: the reply may have arrived all the
    /// same.
    template <class Write>
    void compose(Write write) {
        if (can_send_) {
            queue_.compose(counted(write));
        }
    }
    /// The same, and sends at once.
    template <class Write>
    void compose_now(Write write) {
        if (can_send_) {
            queue_.compose_now(counted(write));
        }
    }
    /// `bytes` are not copied: they have to stay valid until sent(0) has returned or the connection
    /// is closed.
    void send_borrowed(std::string_view bytes);
    void flush() { queue_.flush_now(); }
    /// Waits until at most `unsent_max` bytes are unsent. errc::timeout: the program took no byte
    /// for `stall`; errc::closed: sending has failed.
    asio::awaitable<result<void>> sent(std::size_t unsent_max, milliseconds stall);
    /// In a tunnel: shuts down the sending side when everything is sent.
    void finish_sending() { queue_.finish(); }
    /// Whether the kernel has taken a byte of the present request.
    [[nodiscard]] bool has_sent() const;

    // The reply.

    /// The next event among the bytes that are here; never waits.
    [[nodiscard]] event next();
    /// Waits for further bytes, or for the end of the connection, which next() reports then.
    /// errc::timeout; errc::cancelled after close().
    asio::awaitable<result<void>> receive(deadline until);
    /// Changes the deadline of a receive() that waits now.
    void limit_receive(deadline until) {
        if (waiting_) {
            guard_.set(until);
        }
    }
    /// The caller may change the fields.
    [[nodiscard]] wire::http_response& reply();
    /// Valid until receive().
    [[nodiscard]] std::string_view piece() const { return piece_; }
    /// Keeps the bytes of piece() valid for longer.
    [[nodiscard]] std::shared_ptr<const void> piece_owner() const { return buffer_; }
    [[nodiscard]] const wire::http_fields& trailers() const;
    [[nodiscard]] std::string_view failure() const;
    /// Whether a byte of the present reply has arrived.
    [[nodiscard]] bool has_received() const { return received_; }
    /// Bytes that have arrived and were not given out by next().
    [[nodiscard]] std::size_t unread_bytes() const { return end_ - begin_; }

    // Between requests.

    /// The exchange is complete in both directions, nothing is left over, and the program keeps the
    /// connection open.
    [[nodiscard]] bool is_reusable() const;
    /// Calls `on_end` once, from the loop, when the connection ends, when anything arrives, or at
    /// `until`.
    void watch_idle(std::function<void()> on_end, deadline until);
    /// Ends the watch. False: the connection has ended, or something has arrived meanwhile.
    [[nodiscard]] bool wake();
    /// Nothing has arrived, neither bytes nor the end of the connection. Asks the kernel.
    [[nodiscard]] bool is_silent();
    /// How long the program has announced to keep an idle connection open; max: it has not.
    [[nodiscard]] milliseconds announced_idle() const { return announced_idle_; }

    /// Ends the connection now and wakes receive(). Unsent bytes are dropped.
    void close();
    [[nodiscard]] bool is_open() const { return open_; }

private:
    template <class Write>
    [[nodiscard]] auto counted(Write& write) {
        return [this, &write](std::string& out) {
            const std::size_t before = out.size();
            write(out);
            composed_ += out.size() - before;
        };
    }
    void start_read();
    void on_read(const asio::error_code& failure, std::size_t bytes);
    void on_guard();
    void on_send_failure();

    asio::ip::tcp::socket socket_;
    net::watchdog::guard guard_;
    net::send_queue queue_;
    std::unique_ptr<wire::http_response_parser> parser_;
    std::shared_ptr<char[]> buffer_;
    std::size_t capacity_ = 0;  // of the next read
    std::size_t allocated_ = 0; // of buffer_
    std::size_t begin_ = 0;     // received bytes before this are parsed
    std::size_t end_ = 0;
    std::string_view piece_;
    std::optional<net::one_shot<bool>> waiting_;
    std::function<void()> on_idle_end_;
    milliseconds announced_idle_ = milliseconds::max();
    std::size_t composed_ = 0;                // bytes of the present request
    std::optional<std::uint64_t> bytes_left_; // see lose_after()
    bool open_ = true;
    bool can_send_ = true;
    bool ended_ = false;              // the program has shut down its sending side, or reset
    bool is_end_orderly_ = false;     // it has not reset
    bool lost_after_sending_ = false; // sending failed when bytes of the request had left
    bool reading_ = false;            // a read is under way
    bool received_ = false;           // of the present reply
    bool request_open_ = false;       // the request is not sent to its end yet
    bool complete_ = true;            // the reply is
    std::shared_ptr<bool> alive_; // false once destroyed: for callbacks still queued in the loop
};

} // namespace msd::http
