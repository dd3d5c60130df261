// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <algorithm>
#include <chrono>

namespace msd::core::resilience {

// A ramp of a share: an endpoint that is new or comes back gets a small part of its share first, so
// that caches and compilers of the program behind it become warm. The breaker closes with another
// ramp of the same kind. The share grows linearly.
struct ramp {
    milliseconds length{10'000};
    double first = 0.1; // the share at the start; 0…1

    /// 0…1; 1 when `began` is time_point{}: there is nothing to ramp.
    [[nodiscard]] double share(time_point began, time_point now) const {
        if (began == time_point{} || length <= milliseconds{0} || now - began >= length) {
            return 1;
        }
        const std::chrono::duration<double> passed = std::max(now, began) - began;
        const std::chrono::duration<double> whole = length;
        return first + (1 - first) * passed / whole;
    }
};

inline constexpr ramp slow_start{};

} // namespace msd::core::resilience
