// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <algorithm>
#include <cstdint>

namespace msd::core::resilience {

// How the time of a request is divided among its tries, so that an endpoint that is silent costs a
// try and not the request.

struct time_limits {
    milliseconds connect{250};
    milliseconds try_min{250}; // what a try gets even if the route is faster
    int p99_factor = 8;
    milliseconds probe_min{10};
    int probe_factor = 2;
};

enum class try_kind : std::uint8_t {
    usual, // it could be repeated at another endpoint
    probe, // the same, of an endpoint that is ejected
    last,
};

/// The deadline of one try. A try that could be repeated at another endpoint gets at most half of
/// the time left, and at most max(try_min, 8 × the route's p99; 0: not known, then half of the
/// time). A probe gets at most max(probe_min, 2 × p99): a client should not notice that its request
/// was one, and an endpoint that is slower does not belong in service yet. The last one gets all
/// the time left.
[[nodiscard]] inline deadline try_deadline(
    const time_limits& limits,
    deadline request,
    milliseconds p99,
    try_kind kind,
    time_point now
) {
    if (kind == try_kind::last || request.at() == time_point::max()) {
        return request;
    }
    const deadline half = request.halfway(now);
    if (p99 <= milliseconds{0}) {
        return half;
    }
    const milliseconds most = kind == try_kind::probe
                                  ? std::max(limits.probe_min, p99 * limits.probe_factor)
                                  : std::max(limits.try_min, p99 * limits.p99_factor);
    return half.sooner(deadline{now + most});
}

/// The deadline of the connect of a try.
[[nodiscard]] inline deadline
connect_deadline(const time_limits& limits, deadline whole_try, time_point now) {
    return whole_try.sooner(deadline{now + limits.connect});
}

} // namespace msd::core::resilience
