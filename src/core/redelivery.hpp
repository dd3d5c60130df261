// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace msd::core {

// When an event that a consumer could not handle is handed out again: five deliveries with growing
// pauses, then never.
class redelivery {
public:
    static constexpr std::int64_t deliveries_max = 5;

    /// `first`: the pause after the first delivery.
    explicit redelivery(milliseconds first) : first_{first} {}

    /// The pause after this many deliveries, from 1 on; nullopt: the event is a dead letter.
    [[nodiscard]] std::optional<milliseconds> pause_after(std::int64_t deliveries) const {
        constexpr std::array<int, deliveries_max - 1> times{1, 5, 30, 120};
        if (deliveries < 1 || deliveries >= deliveries_max) {
            return std::nullopt;
        }
        return first_ * times.at(static_cast<std::size_t>(deliveries - 1));
    }

private:
    milliseconds first_;
};

} // namespace msd::core
