// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

// Exact arithmetic on number texts: the integer that a JSON number is after shifting its decimal
// point. Integers and money are read by it, so that neither is converted to a binary fraction.
namespace msd {

struct scaled_number {
    enum class outcome : std::uint8_t {
        exact,
        not_a_number, // not a number token of RFC 8259
        fractional,   // the shifted value is no integer
        too_large,    // its magnitude is 2^64 or more
    };

    outcome what = outcome::not_a_number;
    bool negative = false; // never for zero
    std::uint64_t magnitude = 0;
};

/// `number` times ten to the power of `decimals`. Digits and exponent may have any length.
[[nodiscard]] scaled_number scale_number(std::string_view number, int decimals);

} // namespace msd
