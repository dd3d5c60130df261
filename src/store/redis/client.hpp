// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "store/redis/command.hpp"
#include "store/redis/settings.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace msd::store::redis {

// A subscription to messages of channels. Redis does not keep messages that it could not deliver,
// so a subscriber has to know when messages may be missing.
struct subscription {
    std::vector<std::string> channels; // at least one
    std::function<void(std::string_view channel, std::string_view message)> on_message;
    /// Optional. True: messages arrive from now on, earlier ones may be missing. False: messages
    /// may be missing from now on.
    std::function<void(bool listening)> on_change;
};

// The Redis client of one worker. Keeps one connection to a server, to the master that sentinels
// name, or to each master of a cluster. While a server is unreachable, calls to it fail at once,
// and a background probe detects when it is back. Belongs to one loop; call stop() before
// destruction.
class client {
public:
    virtual ~client() = default;

    /// Returns the reply if it is not an error. errc::timeout: no reply before `until`;
    /// errc::closed: the connection broke (in both cases the command may have been executed);
    /// errc::unavailable: not executed, because the server is unreachable, overloaded or refuses
    /// commands for now; errc::denied, errc::invalid: the server's error for this command.
    virtual asio::awaitable<result<reply>> execute(command what, deadline until) = 0;

    /// Whether a call would be sent now.
    [[nodiscard]] virtual bool usable() const = 0;
    /// Waits until the client is usable or `until` has passed; returns whether it is usable.
    virtual asio::awaitable<bool> became_usable(deadline until) = 0;
    /// Why the client is not usable.
    [[nodiscard]] virtual std::string trouble() const = 0;

    /// Subscribes on a separate connection, which is kept until stop(). The handlers are called in
    /// the loop.
    virtual void subscribe(subscription to) = 0;

    [[nodiscard]] virtual figures counted() const = 0;

    /// Closes all connections; waiting calls fail with errc::closed.
    virtual asio::awaitable<void> stop() = 0;
};

/// Begins to connect in the background. errc::invalid: the settings cannot work (a file with
/// certificates).
[[nodiscard]] result<std::unique_ptr<client>>
open(const asio::any_io_executor& executor, client_settings chosen);

} // namespace msd::store::redis
