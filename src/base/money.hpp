// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace msd {

// An exact amount with four decimals, |amount| ≤ 9·10^14, held as ten-thousandths.
class money {
public:
    static constexpr std::int64_t scale = 10'000;
    static constexpr std::int64_t e4_max = 9'000'000'000'000'000'000;

    constexpr money() = default;
    /// errc::invalid when `e4` is out of range.
    [[nodiscard]] static result<money> from_e4(std::int64_t e4);
    /// Reads a JSON number token or the text of a numeric string: "4.15", "1000", "1.5e3". Errors
    /// (errc::invalid): not a number, more than four decimals that are not zero, out of range.
    [[nodiscard]] static result<money> parse(std::string_view text);

    [[nodiscard]] constexpr std::int64_t e4() const { return e4_; }
    /// A JSON number without trailing zeros: 4.15, 1000, -0.5.
    [[nodiscard]] std::string text() const;

    auto operator<=>(const money&) const = default;

private:
    explicit constexpr money(std::int64_t e4) : e4_{e4} {}
    std::int64_t e4_ = 0;
};

} // namespace msd
