// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/log.hpp"
#include "core/change_rate.hpp"

#include <cstdint>
#include <utility>

namespace msd::registry {

// A limit of the lines that peers can cause in the log. Lines beyond it are left out and counted.
class log_limit {
public:
    log_limit(double per_second, double burst) : rate_{{per_second, burst}, clock::now()} {}

    /// Calls `write` unless there were too many lines.
    template <class Write>
    void log(const Write& write) {
        const time_point now = clock::now();
        if (rate_.next() > now) {
            ++left_out_;
            return;
        }
        rate_.take(1, now);
        write();
        if (const auto count = std::exchange(left_out_, 0); count > 0) {
            ::msd::log::warning("{} further messages about peers were left out", count);
        }
    }

private:
    core::change_rate rate_;
    std::uint64_t left_out_ = 0;
};

} // namespace msd::registry
