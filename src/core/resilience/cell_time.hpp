// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <chrono>
#include <cstdint>

// Times as numbers that fit into a part of a 64-bit cell. All processes of a host have the same
// steady clock, so a time that one worker stored means the same to the others. The functions accept
// any stored value.
namespace msd::core::resilience {

/// Milliseconds since the start of the clock; 0 for times before.
[[nodiscard]] constexpr std::uint64_t ms_of(time_point at) {
    const auto ms = std::chrono::floor<milliseconds>(at.time_since_epoch()).count();
    return ms < 0 ? 0 : static_cast<std::uint64_t>(ms);
}

/// The bits that ms_of() needs in a cell: 4456 years.
inline constexpr unsigned ms_bits = 47;
inline constexpr std::uint64_t ms_mask = (std::uint64_t{1} << ms_bits) - 1;

[[nodiscard]] constexpr time_point time_of_ms(std::uint64_t ms) {
    // The mask keeps the nanoseconds of the clock in their range.
    constexpr std::uint64_t most = (std::uint64_t{1} << 43) - 1;
    return time_point{milliseconds{static_cast<milliseconds::rep>(ms < most ? ms : most)}};
}

/// Ticks of 2¹⁶ ns (65.5 µs), modulo 2³²: for differences up to 39 hours.
[[nodiscard]] constexpr std::uint32_t tick_of(time_point at) {
    const auto ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(ns) >> 16);
}

/// From `then` to `now`, in seconds. 0 when `then` is later: workers read their clocks at the start
/// of a turn of the event loop, so another worker can have stored a newer time. A difference over
/// 39 hours is read as a shorter one or as 0.
[[nodiscard]] constexpr float seconds_between(std::uint32_t then, std::uint32_t now) {
    constexpr float tick_s = 65536e-9F;
    const std::uint32_t ticks = now - then;
    return ticks < 0x80000000 ? static_cast<float>(ticks) * tick_s : 0;
}

} // namespace msd::core::resilience
