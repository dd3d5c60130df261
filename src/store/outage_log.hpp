// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"

#include <string>
#include <utility>

namespace msd::store {

// Says once that a store is down and once that it is back, however many calls fail in between,
// and no pair of lines more often than every 10 s. Names no address: logs go to places where those
// of stores are nobody's business, and `msd check` says them. Fed with every outcome; not
// thread-safe.
class outage_log {
public:
    static constexpr milliseconds quiet{10'000};

    /// `what` opens each line: "store msd-data/goods.db (writing)".
    explicit outage_log(std::string what) : what_{std::move(what)} {}

    /// The store answered, be it with a conflict.
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
    bool told_ = false; // of the present outage
    time_point told_at_ = time_point::min();
};

} // namespace msd::store
