// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/redis/client.hpp"
#include "store/redis/link.hpp"

#include <asio/awaitable.hpp>

#include <memory>
#include <string>
#include <utility>

namespace msd::store::redis {

// A connection that only listens, because Redis allows nothing else on one that does. It is kept
// and probed like any other; after each loss the channels are subscribed to anew.
class subscriber {
public:
    /// `what` says where; prepare and on_change are the subscriber's own.
    subscriber(const surroundings& around, link::purpose what, subscription to);

    void start() { link_->start(); }
    /// Connects anew, at once.
    void renew(std::string why) { link_->renew(std::move(why)); }

private:
    [[nodiscard]] link::purpose completed(link::purpose what);
    asio::awaitable<result<void>> listen(std::shared_ptr<connection> on);

    const surroundings& around_;
    subscription to_;
    std::shared_ptr<link> link_;
};

} // namespace msd::store::redis
