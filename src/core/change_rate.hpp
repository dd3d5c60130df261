// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <algorithm>
#include <chrono>

namespace msd::core {

struct change_rate_settings {
    double per_second = 20;
    double burst = 1000;
};

// How many changes a peer may cause. A change may take more than there is left; then the next one
// has to wait for longer. Nothing is refused. Time is an argument.
class change_rate {
public:
    change_rate(const change_rate_settings& chosen, time_point now)
        : settings_{chosen},
          left_{chosen.burst},
          since_{now} {}

    /// One change, or several: a large one counts as many.
    void take(double changes, time_point now) {
        refill(now);
        left_ -= changes;
    }

    /// From when on the peer may cause the next change; in the past when it may now.
    [[nodiscard]] time_point next() const {
        if (left_ > 0) {
            return since_;
        }
        const std::chrono::duration<double> wait{-left_ / settings_.per_second};
        return since_ + std::chrono::ceil<milliseconds>(wait) + milliseconds{1};
    }

private:
    void refill(time_point now) {
        const std::chrono::duration<double> passed = std::max(now, since_) - since_;
        left_ = std::min(settings_.burst, left_ + passed.count() * settings_.per_second);
        since_ = std::max(now, since_);
    }

    change_rate_settings settings_;
    double left_;
    time_point since_;
};

} // namespace msd::core
