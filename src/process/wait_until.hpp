// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <poll.h>

// What a master that was killed had is free soon: the kernel takes some time to end it, and its
// workers leave the ports when they see the end of their channels. Who starts in its place in the
// same moment waits for that, while nothing else runs in this process.
namespace msd::process {

inline constexpr milliseconds wait_step{10};
inline constexpr milliseconds wait_max{1000};

/// Asks every wait_step until `holds` returns true; false: it did not within wait_max.
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
