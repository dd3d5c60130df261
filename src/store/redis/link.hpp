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

// Pause between two attempts to connect: doubles up to probe_every of the settings.
constexpr milliseconds backoff_first{50};
constexpr double backoff_jitter = 0.2;

// Keeps one connection to a server: connects, greets, probes and reconnects. Works as a circuit
// breaker: the first failed connect and the first overdue reply mark the server as unreachable;
// then calls fail at once while the link reconnects in the background.
class link : public std::enable_shared_from_this<link> {
public:
    using locator = std::function<asio::awaitable<result<address>>(deadline)>;
    /// A locator for a server with a fixed address.
    [[nodiscard]] static locator always_at(address where);

    // What a link connects to, and why.
    struct purpose {
        std::string name; // of the server, for logs
        wanted_server wanted = wanted_server::master;
        /// Returns the present address of the server; called before every attempt to connect.
        locator locate;
        /// Optional: prepares a new connection before it is used.
        std::function<asio::awaitable<result<void>>(std::shared_ptr<connection>)> prepare;
        /// Optional: called when usable() has changed.
        std::function<void(bool usable)> on_change;
    };

    link(const surroundings& around, purpose what);
    link(const link&) = delete;
    link& operator=(const link&) = delete;

    /// Starts connecting; continues until the task group is terminated or stop() is called.
    void start();
    /// Closes the connection for good; waiting calls fail with errc::closed.
    void stop();

    /// Returns the server's reply, which may be an error reply. errc::unavailable, at once: the
    /// server is unreachable. Other errors: as connection::execute().
    asio::awaitable<result<reply>>
    execute(std::string bytes, deadline until, std::size_t before = 0);

    [[nodiscard]] bool usable() const { return usable_ && current_->is_open(); }
    /// Waits until the link is usable or `until` has passed; returns whether it is usable.
    asio::awaitable<bool> became_usable(deadline until);
    /// Waits until the first attempt to connect has ended or `until` has passed.
    asio::awaitable<void> settled(deadline until);

    /// Reconnects at once, because another server is to be used now.
    void renew(std::string why);

    [[nodiscard]] const figures& counted() const { return counted_; }
    /// The address used by the last attempt to connect.
    [[nodiscard]] const address& where() const { return at_; }
    /// Why the server is unreachable; valid while it is.
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
    bool is_stopped_ = false;
    bool hurry_ = false; // the next attempt is made without a pause
};

} // namespace msd::store::redis
