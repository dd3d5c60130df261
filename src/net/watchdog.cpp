// SPDX-License-Identifier: Apache-2.0
#include "net/watchdog.hpp"

#include "net/use_tuple.hpp"

#include <utility>

namespace msd::net {

watchdog::guard::guard(watchdog& owner, std::function<void()> expire)
    : owner_{owner},
      expire_{std::move(expire)},
      place_{owner.guards_.insert(owner.guards_.end(), this)} {}

watchdog::guard::~guard() {
    // An expiry handler may destroy any guard, also the one that is checked next.
    if (owner_.next_ == place_) {
        ++owner_.next_;
    }
    owner_.guards_.erase(place_);
}

watchdog::watchdog(const asio::any_io_executor& executor)
    : timer_{executor},
      next_{guards_.end()} {}

asio::awaitable<void> watchdog::run() {
    for (;;) {
        timer_.expires_after(resolution);
        const auto [failure] = co_await timer_.async_wait(use_tuple);
        if (failure) {
            co_return;
        }
        look(clock::now());
    }
}

void watchdog::look(time_point now) {
    for (next_ = guards_.begin(); next_ != guards_.end();) {
        guard& seen = **next_++;
        if (now >= seen.until_) {
            seen.clear();
            seen.expire_();
        }
    }
}

} // namespace msd::net
