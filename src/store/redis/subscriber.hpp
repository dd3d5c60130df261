// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/redis/client.hpp"
#include "store/redis/link.hpp"

#include <asio/awaitable.hpp>

#include <memory>
#include <string>
#include <utility>

namespace msd::store::redis {

// A connection for subscriptions only, because Redis allows no other commands on it. It is kept and
// probed like other connections; after each reconnect the channels are subscribed again.
class subscriber {
public:
    /// `what` has the address to connect to; the subscriber sets its prepare and on_change.
    subscriber(const surroundings& around, link::purpose what, subscription to);

    void start() { link_->start(); }
    /// Reconnects at once.
    void renew(std::string why) { link_->renew(std::move(why)); }

private:
    [[nodiscard]] link::purpose completed(link::purpose what);
    asio::awaitable<result<void>> listen(std::shared_ptr<connection> on);

    const surroundings& around_;
    subscription to_;
    std::shared_ptr<link> link_;
};

} // namespace msd::store::redis
