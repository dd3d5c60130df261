// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

// The classes of characters in the grammar of HTTP and of URIs (RFC 9110, 5.6; RFC 3986, 2).
namespace msd::wire {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_alphanumeric(char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}

/// The value of a hexadecimal digit; -1 for any other character.
constexpr int hex_value(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr bool is_hex_digit(char c) {
    return hex_value(c) >= 0;
}

/// VCHAR: visible ASCII.
constexpr bool is_visible(char c) {
    return c > 0x20 && c < 0x7F;
}

/// Beyond ASCII; obs-text in the grammar of HTTP.
constexpr bool is_beyond_ascii(char c) {
    return static_cast<unsigned char>(c) >= 0x80;
}

/// A character of a field value: visible, blank, tab, or beyond ASCII.
constexpr bool is_value_char(char c) {
    return is_visible(c) || c == ' ' || c == '\t' || is_beyond_ascii(c);
}

/// A byte that a method or the name of a field may hold.
inline constexpr std::array<bool, 256> token_chars = [] {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    std::array<bool, 256> belongs{};
    for (std::size_t at = 0; at < belongs.size(); ++at) {
        const char each = static_cast<char>(at);
        belongs.at(at) =
            is_alphanumeric(each) || (each != '\0' && marks.find(each) != std::string_view::npos);
    }
    return belongs;
}();

constexpr bool is_token_char(char c) {
    return token_chars[static_cast<unsigned char>(c)];
}

constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

constexpr bool is_unreserved(char c) {
    return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

constexpr bool is_sub_delimiter(char c) {
    return c != '\0' && std::string_view{"!$&'()*+,;="}.find(c) != std::string_view::npos;
}

} // namespace msd::wire
