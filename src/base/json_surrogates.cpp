// SPDX-License-Identifier: Apache-2.0
#include "base/json_surrogates.hpp"

#include <charconv>

namespace msd::json {

namespace {

constexpr std::size_t escape_bytes = 6; // \uXXXX

// The code unit of the \u escape at `at`; nothing when there is no such escape.
std::optional<unsigned> unit_at(std::string_view json, std::size_t at) {
    const std::string_view escape = json.substr(at, escape_bytes);
    if (escape.size() != escape_bytes || !escape.starts_with("\\u")) {
        return std::nullopt;
    }
    unsigned unit = 0;
    std::from_chars(escape.data() + 2, escape.data() + escape_bytes, unit, 16);
    return unit;
}

constexpr bool is_high(unsigned unit) {
    return unit >= 0xD800 && unit < 0xDC00;
}

constexpr bool is_low(unsigned unit) {
    return unit >= 0xDC00 && unit < 0xE000;
}

} // namespace

std::optional<std::size_t> lone_surrogate(std::string_view json) {
    // In well-formed JSON a backslash occurs only in strings and begins an escape.
    std::size_t at = json.find('\\');
    while (at != std::string_view::npos) {
        const auto unit = unit_at(json, at);
        std::size_t bytes = unit ? escape_bytes : 2;
        if (unit && is_high(*unit)) {
            const auto next = unit_at(json, at + escape_bytes);
            if (!next || !is_low(*next)) {
                return at;
            }
            bytes += escape_bytes;
        } else if (unit && is_low(*unit)) {
            return at;
        }
        at += bytes;
        if (at >= json.size() || json[at] != '\\') { // a search costs more than many escapes
            at = json.find('\\', at);
        }
    }
    return std::nullopt;
}

} // namespace msd::json
