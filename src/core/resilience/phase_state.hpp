// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/cell_time.hpp"

#include <algorithm>
#include <cstdint>

namespace msd::core::resilience {

// The state of an endpoint or a breaker that changes in one step: one cell of 64 bits with a phase
// (2 bits), how often the endpoint was ejected or the breaker opened (6), good replies (4), and a
// time (47). Any stored value is a valid state; a phase that does not exist is the first one.
template <class Phase>
struct phase_state {
    static constexpr std::uint32_t times_max = 63; // larger numbers are stored as these
    static constexpr std::uint32_t good_max = 15;

    Phase phase{};
    std::uint32_t times = 0;
    std::uint32_t good = 0;
    std::uint64_t at_ms = 0; // see ms_of()

    [[nodiscard]] static phase_state unpack(std::uint64_t cell) {
        const std::uint64_t phase = cell & 3;
        return {
            phase <= 2 ? static_cast<Phase>(phase) : Phase{},
            static_cast<std::uint32_t>(cell >> times_shift) & times_max,
            static_cast<std::uint32_t>(cell >> good_shift) & good_max,
            (cell >> at_shift) & ms_mask};
    }

    [[nodiscard]] std::uint64_t pack() const {
        return static_cast<std::uint64_t>(phase) |
               std::uint64_t{std::min(times, times_max)} << times_shift |
               std::uint64_t{std::min(good, good_max)} << good_shift |
               (at_ms & ms_mask) << at_shift;
    }

private:
    static constexpr unsigned times_shift = 2;
    static constexpr unsigned good_shift = 8;
    static constexpr unsigned at_shift = 12;
};

} // namespace msd::core::resilience
