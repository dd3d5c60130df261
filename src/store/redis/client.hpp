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

// Messages of some channels. Redis forgets what it could not deliver, so whoever acts on messages
// has to know when some may be missing.
struct subscription {
    std::vector<std::string> channels; // at least one
    std::function<void(std::string_view channel, std::string_view message)> on_message;
    /// Optional. True: from now on messages come, those before may be missing. False: some may be
    /// missing from now on.
    std::function<void(bool listening)> on_change;
};

// Redis, as one worker uses it: one kept connection to a server, to the master that sentinels name,
// or to each master of a cluster. While a server is lost, calls to it fail at once, and a probe in
// the background finds out when it is back. Belongs to one loop; stop() before it is destroyed.
class client {
public:
    virtual ~client() = default;

    /// The reply, which is no error. errc::timeout: not within `until`; errc::closed: the
    /// connection broke (the command may have been executed in both cases); errc::unavailable: not
    /// executed, as the server is lost, overloaded or refuses for now; errc::denied, errc::invalid:
    /// the server's answer to this command.
    virtual asio::awaitable<result<reply>> execute(command what, deadline until) = 0;

    /// Whether a call would be sent now.
    [[nodiscard]] virtual bool usable() const = 0;
    /// Waits until it is usable, at most until then; tells whether it is.
    virtual asio::awaitable<bool> became_usable(deadline until) = 0;
    /// Why it is not usable.
    [[nodiscard]] virtual std::string trouble() const = 0;

    /// On a connection of its own, kept until stop(). Handlers are called in the loop.
    virtual void subscribe(subscription to) = 0;

    [[nodiscard]] virtual figures counted() const = 0;

    /// Ends all connections; calls that wait get errc::closed.
    virtual asio::awaitable<void> stop() = 0;
};

/// Begins to connect in the background. errc::invalid: the settings cannot work (a file with
/// certificates).
[[nodiscard]] result<std::unique_ptr<client>>
open(const asio::any_io_executor& executor, settings chosen);

} // namespace msd::store::redis
