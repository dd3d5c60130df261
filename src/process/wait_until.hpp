// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <poll.h>

// Waits for the ports and the lock of a master that was killed a moment ago: the kernel takes some
// time to end the process, and its workers close the ports when they notice the end of their
// channels. A master that starts in its place waits here before it starts anything else.
namespace msd::process {

inline constexpr milliseconds wait_step{10};
inline constexpr milliseconds wait_max{1000};

/// Calls `holds` every wait_step until it returns true. False: it did not within wait_max.
template <class Condition>
[[nodiscard]] bool wait_until(Condition holds) {
    const deadline until = deadline::in(wait_max);
    while (!holds()) {
        if (until.passed()) {
            return false;
        }
        poll(nullptr, 0, static_cast<int>(wait_step.count()));
    }
    return true;
}

} // namespace msd::process
