// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"

#include <vector>

namespace msd::process {

// The descriptors that a master waits for, and the timer that ends its wait.
class event_set {
public:
    event_set();

    /// Reports `fd` when it is readable, until it is closed.
    void watch(int fd) const;
    /// Waits until a watched descriptor is readable or `until` has come. Returns the readable
    /// descriptors, at most 64.
    [[nodiscard]] std::vector<int> wait(time_point until) const;

private:
    void set_timer(time_point until) const;

    unique_fd epoll_;
    unique_fd timer_;
};

} // namespace msd::process
