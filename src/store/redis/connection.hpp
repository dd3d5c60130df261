// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "net/client_stream.hpp"
#include "net/one_shot.hpp"
#include "store/redis/command.hpp"
#include "wire/resp.hpp"

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace msd::store::redis {

struct connection_limits {
    std::size_t reply_bytes_max = 16u << 20;
    milliseconds timeout{50}; // time for a reply, even when its caller waits for less
};

// One pipelined connection to a Redis server: many commands in flight, replies in the order of the
// commands. When a caller gives up, its place in the order is kept. When a reply is overdue, the
// connection is closed and all waiting calls fail. Reconnecting is done by link. Single-threaded.
class connection : public std::enable_shared_from_this<connection> {
public:
    static constexpr std::size_t in_flight_max = 4096;         // commands
    static constexpr std::size_t unsent_bytes_max = 16u << 20; // beyond: errc::unavailable

    connection(std::unique_ptr<net::client_stream> stream, connection_limits limits);
    ~connection();

    /// Reads replies until the connection ends.
    static asio::awaitable<void> run(std::shared_ptr<connection> self);

    /// Sends `bytes`, one command or several, and returns the reply to the last one, which may be
    /// an error reply; the `before` replies to the others are dropped. errc::timeout: no reply
    /// before `until`; errc::closed: the connection ended, and the command may have been executed;
    /// errc::unavailable: too many commands or bytes are in flight.
    asio::awaitable<result<reply>>
    execute(std::string bytes, deadline until, std::size_t before = 0);

    /// Sets the handler for messages of channels. The handler may close the connection.
    using message_handler = std::function<void(std::string_view channel, std::string_view text)>;
    void on_message(message_handler handler) { on_message_ = std::move(handler); }

    /// Waits until the connection has ended or `until` has passed; returns whether it has ended.
    asio::awaitable<bool> ended(deadline until);

    /// Closes the connection; waiting calls fail with `why` at once. Later calls have no effect.
    void close(error why);

    [[nodiscard]] bool is_open() const { return open_; }
    /// Why the connection ended.
    [[nodiscard]] const error& why() const { return why_; }
    /// When the server last sent something.
    [[nodiscard]] time_point last_received() const { return last_received_; }
    [[nodiscard]] std::size_t in_flight() const { return owed_.size(); }
    [[nodiscard]] const net::client_stream& stream() const { return *stream_; }

private:
    struct waiter;

    // A reply that has not arrived yet.
    struct debt {
        waiter* creditor = nullptr; // null: the caller has given up
        time_point due;             // after this time the connection is closed
    };

    [[nodiscard]] result<void> deliver_all();
    [[nodiscard]] bool is_message(const reply& received) const;
    void deliver(reply received);
    void watch(time_point next);
    void on_timer();
    void expire(time_point at);
    [[nodiscard]] time_point next_due() const;

    std::unique_ptr<net::client_stream> stream_;
    connection_limits limits_;
    wire::resp_reader reader_;
    std::deque<debt> owed_;        // in the order of the commands
    std::uint64_t first_owed_ = 0; // sequence number of the command at the front
    asio::steady_timer timer_;
    time_point watched_ = time_point::max(); // expiry of the timer
    bool looked_again_ = false;
    std::list<asio::steady_timer*> awaiting_end_;
    time_point last_received_;
    message_handler on_message_;
    error why_;
    bool open_ = true;
};

} // namespace msd::store::redis
