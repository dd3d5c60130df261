// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"

#include <string>
#include <utility>

namespace msd::store {

// Logs one line when a store fails and one when it works again, however many calls fail in between,
// and at most one such pair every 10 s. The lines contain no addresses, because logs are sent to
// the logs service; `msd check` prints the addresses. Gets the result of every call; not
// thread-safe.
class outage_log {
public:
    static constexpr milliseconds quiet{10'000};

    /// `what` opens each line: "store msd-data/goods.db (writing)".
    explicit outage_log(std::string what) : what_{std::move(what)} {}

    /// The store answered, with success or with a conflict.
    void answered() {
        if (down_) {
            recovered();
        }
    }
    void failed(const error& why, time_point now);

private:
    void recovered();

    std::string what_;
    bool down_ = false;
    bool is_logged_ = false; // the present outage was logged
    time_point logged_at_ = time_point::min();
};

} // namespace msd::store
