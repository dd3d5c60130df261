// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace msd::simulate {

// Counts latencies in steps of 1 ms, up to 6 s.
class histogram {
public:
    void add(milliseconds latency) {
        const auto step = static_cast<std::size_t>(std::max<std::int64_t>(latency.count(), 0));
        ++counts_[std::min(step, counts_.size() - 1)];
        ++total_;
    }

    /// In ms; `part` is 0…1.
    [[nodiscard]] double percentile(double part) const {
        const auto wanted = static_cast<std::uint64_t>(part * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t step = 0; step < counts_.size(); ++step) {
            seen += counts_[step];
            if (seen > wanted) {
                return static_cast<double>(step);
            }
        }
        return 0;
    }

private:
    std::array<std::uint32_t, 6000> counts_{};
    std::uint64_t total_ = 0;
};

} // namespace msd::simulate
