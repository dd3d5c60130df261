// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace msd::core {

// When an event that a consumer could not handle is handed out again: after each of four failures,
// with growing pauses, then never.
class redelivery {
public:
    static constexpr std::int64_t failures_max = 5;
    // With those of which nothing was heard until their lease ended. The consumer may have been
    // killed, or its reply lost, which is not the fault of the event; but an event that kills its
    // consumers must end.
    static constexpr std::int64_t deliveries_max = 20;

    /// `first`: the pause after the first failure.
    explicit redelivery(milliseconds first) : first_{first} {}

    /// The pause after this many failures, from 1 on; nullopt: the event is a dead letter.
    [[nodiscard]] std::optional<milliseconds> pause_after(std::int64_t failures) const {
        constexpr std::array<int, failures_max - 1> times{1, 5, 30, 120};
        if (failures < 1 || failures >= failures_max) {
            return std::nullopt;
        }
        return first_ * times.at(static_cast<std::size_t>(failures - 1));
    }

private:
    milliseconds first_;
};

} // namespace msd::core
