// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

// Exact arithmetic on number texts: shifts the decimal point of a JSON number and returns the
// integer. Integers and money are read with it, so that neither becomes a binary fraction.
namespace msd {

struct scaled_number {
    enum class outcome : std::uint8_t {
        exact,
        not_a_number, // not a number token of RFC 8259
        fractional,   // the shifted value is not an integer
        too_large,    // its magnitude is 2^64 or more
    };

    outcome what = outcome::not_a_number;
    bool negative = false; // never for zero
    std::uint64_t magnitude = 0;
};

/// `number` times ten to the power of `decimals`. Digits and exponent may have any length.
[[nodiscard]] scaled_number scale_number(std::string_view number, int decimals);

} // namespace msd
