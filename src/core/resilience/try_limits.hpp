// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <algorithm>

namespace msd::core::resilience {

// How the time of a request is divided among its tries, so that an endpoint that is silent costs a
// try and not the request.

struct time_limits {
    milliseconds connect{250};
    milliseconds try_min{250}; // what a try gets even if the route is faster
    int p99_factor = 8;
};

/// The deadline of one try. A try that could be repeated at another endpoint gets at most half of
/// the time left, and at most max(try_min, 8 × the route's p99; 0: not known, then half of the
/// time). Another one gets all the time left.
[[nodiscard]] inline deadline try_deadline(
    const time_limits& limits,
    deadline request,
    milliseconds p99,
    bool is_last,
    time_point now
) {
    if (is_last || request.at() == time_point::max()) {
        return request;
    }
    const deadline half = request.halfway(now);
    if (p99 <= milliseconds{0}) {
        return half;
    }
    return half.sooner(deadline{now + std::max(limits.try_min, p99 * limits.p99_factor)});
}

/// The deadline of the connect of a try.
[[nodiscard]] inline deadline
connect_deadline(const time_limits& limits, deadline whole_try, time_point now) {
    return whole_try.sooner(deadline{now + limits.connect});
}

} // namespace msd::core::resilience
