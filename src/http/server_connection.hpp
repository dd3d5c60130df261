// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/input_budget.hpp"
#include "net/byte_budget.hpp"
#include "net/connect.hpp"
#include "net/send_queue.hpp"
#include "net/watchdog.hpp"
#include "wire/http_request_parser.hpp"

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace msd::http {

struct server_connection_settings {
    wire::http_request_parser::limits limits;
    milliseconds header_timeout{10'000}; // from the first byte of a request to the end of its head
    // For a whole body that read_body() reads, and for each wait of read_piece().
    milliseconds body_timeout{30'000};
    milliseconds keepalive_timeout{75'000}; // between requests
    milliseconds stall_timeout{30'000};     // unsent bytes and no progress
    // For heads and bodies that are being received, and for requests behind the present one; of
    // all connections of the worker. Null: not counted.
    core::input_budget* memory = nullptr;
};

/// The text of the error reply to a request whose body exceeds `bytes_max`.
[[nodiscard]] std::string body_too_large(std::size_t bytes_max);

// The server's end of one HTTP/1.1 connection: requests one after the other, bodies on demand,
// replies through a queue. Enforces the time limits and uses little memory while idle.
// http/server_http1 makes requests and replies of it. Single-threaded.
class server_connection : private core::input_budget::holder {
public:
    enum class arrival : std::uint8_t {
        head,   // request() is valid
        ended,  // the peer closed the connection, or sent no request in time: no reply is due
        broken, // answer failure_status() and close
    };

    server_connection(
        asio::ip::tcp::socket socket,
        net::watchdog& dog,
        const server_connection_settings& settings
    );
    ~server_connection() override;
    server_connection(const server_connection&) = delete;
    server_connection& operator=(const server_connection&) = delete;

    /// Waits for the next request's head. The body of the previous request must have been read.
    asio::awaitable<arrival> read_head();
    /// Empty after release_request().
    [[nodiscard]] const wire::http_request& request() const { return parser_.request(); }
    [[nodiscard]] const wire::http_fields& trailers() const { return parser_.trailers(); }
    /// Frees the memory of a request that has been read completely; otherwise does nothing.
    void release_request();
    /// For arrival::broken: of the parser, 408, or 503 when the unfinished input of the worker
    /// exceeds its bound.
    [[nodiscard]] int failure_status() const;
    [[nodiscard]] std::string_view failure_text() const;

    /// The next bytes of the body as they arrive; empty at its end. Valid until the next call.
    /// errc::malformed, timeout, refused (the budget of unfinished input has no room), closed. In a
    /// tunnel: whatever the client sends.
    asio::awaitable<result<std::string_view>> read_piece();
    /// The whole body; sends 100 Continue first when the client waits for it. `memory` grows with
    /// the body and belongs to the caller. Errors are those of read_piece(), and too_large (as soon
    /// as the size is known to exceed the limit); refused also means that `memory` has no room.
    /// After an error `memory` may keep its size.
    asio::awaitable<result<std::string>>
    read_body(std::size_t bytes_max, net::byte_budget::share* memory);
    /// A read_piece() that waits, and each later one, returns errc::cancelled.
    void stop_reading();
    /// The present request has been read to its end.
    [[nodiscard]] bool is_complete() const { return complete_; }
    /// From now on, bytes in both directions are of another protocol and no request follows.
    void start_tunnel();

    /// While a request is handled, checks periodically whether the client has reset the connection.
    /// If so, closes it. Calls `on_close` once when the connection is closed, whoever closed it:
    /// from the event loop, not from close(). A client that has only shut down its sending side
    /// still gets its reply.
    void watch_client(std::function<void()> on_close);
    void unwatch_client();

    /// For a reply given before the body was read: sends what is queued, then reads and drops what
    /// the client still sends, because a reset would discard the reply; then closes. Ends when the
    /// client closes, when it sends nothing for linger_bounds::idle, or after body_timeout.
    asio::awaitable<void> linger();
    /// Sends what is queued, then closes with a reset: for a reply whose end would be the end of
    /// the connection and that is not complete.
    asio::awaitable<void> send_and_reset();

    [[nodiscard]] net::send_queue& out() { return queue_; }
    /// Waits until at most `bytes` are unsent; false when the connection ended instead.
    asio::awaitable<bool> unsent_below(std::size_t bytes);

    /// From now on, a connection between requests is closed after `served`, a connection without
    /// any request so far after `fresh`; linger() ends within linger_bounds::total.
    void shorten_idle(milliseconds fresh, milliseconds served);
    void close();
    [[nodiscard]] bool is_open() const { return open_; }
    /// Of the present request: what has been received of it, and used.
    [[nodiscard]] std::uint64_t request_bytes() const { return used_bytes() - used_before_; }
    [[nodiscard]] const net::peer_address& peer() const { return peer_; }

private:
    enum class phase : std::uint8_t { idle, head, body, working, tunnel, lingering };

    [[nodiscard]] time_point unfinished_since() const override;
    void reclaim() override;
    [[nodiscard]] std::size_t held_bytes() const;
    [[nodiscard]] bool count_input();
    [[nodiscard]] bool keep_piece(std::size_t bytes_max);
    void begin_request();
    void end_body();
    [[nodiscard]] tl::unexpected<error> why_no_body() const;
    asio::awaitable<result<std::string_view>> read_raw();
    asio::awaitable<bool> fill();
    void enter(phase next, milliseconds limit);
    void on_guard();
    void check_limits(time_point now);
    void phase_is_over();
    [[nodiscard]] bool has_client_closed();
    [[nodiscard]] std::string_view unread() const;
    void consume(std::size_t bytes);
    [[nodiscard]] std::uint64_t used_bytes() const { return received_ - unread().size(); }
    void free_empty_input();

    asio::ip::tcp::socket socket_;
    net::watchdog& dog_;
    const server_connection_settings& settings_;
    wire::http_request_parser parser_;
    core::input_budget::share memory_; // of input_, body_ and the parser
    net::watchdog::guard guard_;
    net::send_queue queue_;
    net::peer_address peer_;
    std::string input_; // received, not yet given to the parser
    std::size_t consumed_ = 0;
    std::size_t given_ = 0; // bytes of the input that read_piece() has returned last
    std::uint64_t received_ = 0;
    std::uint64_t used_before_ = 0; // used_bytes() before the present request
    std::string body_;              // while it is being read
    time_point counted_since_;      // when memory_ became more than nothing
    std::function<void()> on_close_;
    phase phase_ = phase::idle;
    time_point phase_until_ = time_point::max();
    milliseconds idle_limit_;
    bool open_ = true;
    bool timed_out_ = false;
    bool reclaimed_ = false;       // the input was dropped
    bool served_ = false;          // at least one request has arrived
    bool stopped_ = false;         // stop_reading() was called for the present request
    bool complete_ = true;         // the present request has been read to its end …
    bool released_ = true;         // … and its head is freed
    bool lingers_briefly_ = false; // shorten_idle() or start_tunnel() was called
    bool has_input_ended_ = false; // the client has shut down its sending side
};

} // namespace msd::http
