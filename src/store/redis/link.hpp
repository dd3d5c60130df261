// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "store/outage_log.hpp"
#include "store/redis/command.hpp"
#include "store/redis/connection.hpp"
#include "store/redis/greeting.hpp"
#include "store/redis/settings.hpp"

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

namespace msd::store::redis {

// Between two attempts to reach a server: doubling, up to the settings' probe_every.
constexpr milliseconds backoff_first{50};
constexpr double backoff_jitter = 0.2;

// Keeps one connection to a server: connects, greets, probes, connects anew. A breaker in itself:
// while the server is lost calls fail at once, and what looks for it runs in the background. It is
// lost with the first connection that cannot be made and the first reply that is overdue.
class link : public std::enable_shared_from_this<link> {
public:
    using locator = std::function<asio::awaitable<result<address>>(deadline)>;
    /// For a server that is always at the same place.
    [[nodiscard]] static locator always_at(address where);

    // What a link is to connect to, and for what.
    struct purpose {
        std::string name; // for logs: what is lost and found
        wanted_server wanted = wanted_server::master;
        /// Where the server is now; asked before every attempt.
        locator locate;
        /// Optional: what is still to be done with a new connection before it is usable.
        std::function<asio::awaitable<result<void>>(std::shared_ptr<connection>)> prepare;
        /// Optional: called whenever usable() has changed.
        std::function<void(bool usable)> on_change;
    };

    link(const surroundings& around, purpose what);
    link(const link&) = delete;
    link& operator=(const link&) = delete;

    /// Begins to connect; goes on until the task group is terminated, or retire().
    void start();
    /// Ends the connection, for good; whoever waits gets errc::closed.
    void retire();

    /// The server's reply, be it an error. While it is lost errc::unavailable, at once; otherwise
    /// as of connection::execute().
    asio::awaitable<result<reply>>
    execute(std::string bytes, deadline until, std::size_t before = 0);

    [[nodiscard]] bool usable() const { return usable_ && current_->is_open(); }
    /// Waits until it is, or until then; tells whether it is.
    asio::awaitable<bool> became_usable(deadline until);
    /// Waits until the first attempt to connect is over, at most until then.
    asio::awaitable<void> settled(deadline until);

    /// The server is not the right one any more: connects anew, at once.
    void renew(std::string why);

    [[nodiscard]] const figures& counted() const { return counted_; }
    /// Where the server was when it was last looked for.
    [[nodiscard]] const address& where() const { return at_; }
    /// Why the server is lost; of interest while it is.
    [[nodiscard]] const std::string& why_lost() const;

private:
    static asio::awaitable<void> keep(std::shared_ptr<link> self);
    asio::awaitable<result<void>> establish();
    asio::awaitable<void> attend();
    asio::awaitable<result<void>> probe();
    asio::awaitable<void> pause();
    void found();
    void lost(error why);
    void wake();

    const surroundings& around_;
    purpose what_;
    outage_log outages_;
    address at_;
    std::shared_ptr<connection> current_;
    asio::steady_timer retry_;
    std::list<asio::steady_timer*> awaiting_use_;
    figures counted_;
    error why_lost_{errc::unavailable, "not connected yet"};
    int failures_ = 0; // in a row
    bool usable_ = false;
    bool retired_ = false;
    bool hurry_ = false; // the next attempt is made at once
};

} // namespace msd::store::redis
