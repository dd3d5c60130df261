// SPDX-License-Identifier: Apache-2.0
#include "base/unescape.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace msd {

namespace {

constexpr std::uint32_t replacement = 0xFFFD;
constexpr std::size_t unit_bytes = 6; // of \uXXXX

// The number that `count` hexadecimal digits at `at` mean.
std::optional<std::uint32_t> hex_at(std::string_view text, std::size_t at, std::size_t count) {
    if (text.size() < at + count) {
        return std::nullopt;
    }
    std::uint32_t number = 0;
    const char* const begin = text.data() + at;
    const auto [stop, failure] = std::from_chars(begin, begin + count, number, 16);
    const bool is_number = failure == std::errc{} && stop == begin + count;
    return is_number ? std::optional{number} : std::nullopt;
}

void append_code_point(std::string& out, std::uint32_t code) {
    const auto add = [&out](std::uint32_t byte) {
        out += static_cast<char>(static_cast<unsigned char>(byte));
    };
    if (code < 0x80) {
        add(code);
    } else if (code < 0x800) {
        add(0xC0 | (code >> 6U));
        add(0x80 | (code & 0x3FU));
    } else if (code < 0x10000) {
        add(0xE0 | (code >> 12U));
        add(0x80 | ((code >> 6U) & 0x3FU));
        add(0x80 | (code & 0x3FU));
    } else {
        add(0xF0 | (code >> 18U));
        add(0x80 | ((code >> 12U) & 0x3FU));
        add(0x80 | ((code >> 6U) & 0x3FU));
        add(0x80 | (code & 0x3FU));
    }
}

// Decodes the \uXXXX at `at`, or two that form a pair; returns their length, 0 when it is none.
std::size_t append_unit(std::string& out, std::string_view text, std::size_t at) {
    const auto first = hex_at(text, at + 2, 4);
    if (!first) {
        return 0;
    }
    if (*first < 0xD800 || *first > 0xDFFF) {
        append_code_point(out, *first);
        return unit_bytes;
    }
    const bool is_high = *first < 0xDC00;
    if (is_high && text.substr(at + unit_bytes).starts_with("\\u")) {
        const auto second = hex_at(text, at + unit_bytes + 2, 4);
        if (second && *second >= 0xDC00 && *second <= 0xDFFF) {
            append_code_point(out, 0x10000 + ((*first - 0xD800) << 10U) + (*second - 0xDC00));
            return 2 * unit_bytes;
        }
    }
    append_code_point(out, replacement);
    return unit_bytes;
}

// '\0': no escape of one letter.
char short_escape(char letter) {
    switch (letter) {
    case '"':
    case '\\':
    case '/':
        return letter;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return '\0';
    }
}

} // namespace

std::string unescaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] != '\\' || at + 1 == text.size()) {
            out += text[at++];
            continue;
        }
        const char letter = text[at + 1];
        if (const char plain = short_escape(letter); plain != '\0') {
            out += plain;
            at += 2;
            continue;
        }
        const std::size_t unit = letter == 'u' ? append_unit(out, text, at) : 0;
        if (unit == 0) {
            out += '\\';
            at += 1;
        }
        at += unit;
    }
    return out;
}

std::string percent_unescaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = text[at] == '%' ? hex_at(text, at + 1, 2) : std::nullopt;
        if (byte) {
            out += static_cast<char>(static_cast<unsigned char>(*byte));
            at += 2;
        } else {
            out += text[at] == '+' ? ' ' : text[at];
        }
    }
    return out;
}

} // namespace msd
