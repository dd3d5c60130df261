// SPDX-License-Identifier: Apache-2.0
#include "base/decimal.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>

namespace msd {

namespace {

// With a larger exponent the value is out of range, however many digits the number text has.
constexpr std::int64_t exponent_max = 1'000'000'000;

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// The parts of a number token, still as text.
struct token {
    bool negative = false;
    std::string_view whole;
    std::string_view fraction;
    std::int64_t exponent = 0; // clamped to ± exponent_max
};

std::string_view take_digits(std::string_view& text) {
    const auto end = std::ranges::find_if_not(text, is_digit);
    const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(digits.size());
    return digits;
}

bool take(std::string_view& text, char wanted) {
    const bool found = text.starts_with(wanted);
    text.remove_prefix(found ? 1 : 0);
    return found;
}

bool take_exponent(std::string_view& text, std::int64_t& exponent) {
    if (!take(text, 'e') && !take(text, 'E')) {
        return true;
    }
    const bool negative = take(text, '-');
    if (!negative) {
        take(text, '+');
    }
    const std::string_view digits = take_digits(text);
    for (const char digit : digits) {
        exponent = std::min(exponent_max, 10 * exponent + (digit - '0'));
    }
    exponent = negative ? -exponent : exponent;
    return !digits.empty();
}

bool split(std::string_view text, token& parts) {
    parts.negative = take(text, '-');
    parts.whole = take_digits(text);
    if (parts.whole.empty() || (parts.whole.size() > 1 && parts.whole.front() == '0')) {
        return false;
    }
    if (take(text, '.')) {
        parts.fraction = take_digits(text);
        if (parts.fraction.empty()) {
            return false;
        }
    }
    return take_exponent(text, parts.exponent) && text.empty();
}

// Appends one digit to the magnitude so far.
bool append_digit(std::uint64_t& magnitude, unsigned digit) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    if (magnitude > (most - digit) / 10) {
        return false;
    }
    magnitude = 10 * magnitude + digit;
    return true;
}

// The value of a number without sign, point and exponent that fits 64 bits. Most numbers are so,
// the keys of packets among them, and need none of the work that the others do.
std::optional<std::uint64_t> plain_number(std::string_view text) {
    constexpr std::size_t digits_max = std::numeric_limits<std::uint64_t>::digits10;
    if (text.empty() || text.size() > digits_max || (text.size() > 1 && text.front() == '0')) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char c : text) {
        if (!is_digit(c)) {
            return std::nullopt;
        }
        value = 10 * value + static_cast<unsigned>(c - '0');
    }
    return value;
}

} // namespace

scaled_number scale_number(std::string_view number, int decimals) {
    if (const auto plain = decimals == 0 ? plain_number(number) : std::nullopt) {
        return {scaled_number::outcome::exact, false, *plain};
    }
    token parts;
    if (!split(number, parts)) {
        return {};
    }
    // The decimal point stands behind this many digits of whole and fraction together.
    const std::int64_t point =
        static_cast<std::int64_t>(parts.whole.size()) + parts.exponent + decimals;
    scaled_number scaled{scaled_number::outcome::exact, false, 0};
    std::int64_t place = 0;
    for (const std::string_view digits : {parts.whole, parts.fraction}) {
        for (const char c : digits) {
            const auto digit = static_cast<unsigned>(c - '0');
            if (place++ < point) {
                if (!append_digit(scaled.magnitude, digit)) {
                    return {scaled_number::outcome::too_large, parts.negative, 0};
                }
            } else if (digit != 0) {
                return {scaled_number::outcome::fractional, parts.negative, 0};
            }
        }
    }
    for (; place < point && scaled.magnitude != 0; ++place) {
        if (!append_digit(scaled.magnitude, 0)) {
            return {scaled_number::outcome::too_large, parts.negative, 0};
        }
    }
    scaled.negative = parts.negative && scaled.magnitude != 0;
    return scaled;
}

} // namespace msd
