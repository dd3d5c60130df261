// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

namespace msd {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using std::chrono::milliseconds;

// The time by which an operation has to be complete. It is absolute, so it can be passed through
// any number of calls without becoming longer; on the wire it is sent as the time left.
class deadline {
public:
    explicit constexpr deadline(time_point at) : at_{at} {}
    [[nodiscard]] static deadline in(milliseconds span) { return deadline{clock::now() + span}; }
    [[nodiscard]] static constexpr deadline never() { return deadline{time_point::max()}; }

    [[nodiscard]] constexpr time_point at() const { return at_; }
    [[nodiscard]] bool passed(time_point now = clock::now()) const { return now >= at_; }

    /// Time left, rounded down, never negative.
    [[nodiscard]] milliseconds left(time_point now = clock::now()) const {
        return std::max(milliseconds{0}, std::chrono::duration_cast<milliseconds>(at_ - now));
    }

    /// Half of the time left; the other half is for the next step.
    [[nodiscard]] deadline halfway(time_point now = clock::now()) const {
        return deadline{at_ <= now ? at_ : now + (at_ - now) / 2};
    }

    [[nodiscard]] deadline sooner(deadline other) const {
        return deadline{std::min(at_, other.at_)};
    }

private:
    time_point at_;
};

} // namespace msd
