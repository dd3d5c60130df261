// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace msd::core::resilience {

// A limit as it is written in a configuration: "100/s", "30/m", "1000/h", "10000/d".
struct rate {
    std::uint64_t requests = 0; // 1 … requests_max
    std::chrono::seconds per{1};

    static constexpr std::uint64_t requests_max = 1'000'000;

    /// The time between two requests at this rate, rounded up; ≥ 1 ns.
    [[nodiscard]] std::chrono::nanoseconds interval() const {
        const std::chrono::nanoseconds whole{per};
        const auto count = static_cast<std::int64_t>(requests);
        return std::chrono::nanoseconds{(whole.count() + count - 1) / count};
    }
};

/// errc::invalid with a text for the user.
[[nodiscard]] result<rate> read_rate(std::string_view text);

/// The same text again.
[[nodiscard]] std::string rate_text(const rate& what);

} // namespace msd::core::resilience
