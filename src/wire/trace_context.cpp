// SPDX-License-Identifier: Apache-2.0
#include "wire/trace_context.hpp"

#include <algorithm>
#include <cstddef>

namespace msd::wire {

namespace {

// version "-" trace-id "-" parent-id "-" trace-flags
constexpr std::size_t version_digits = 2;
constexpr std::size_t trace_id_at = 3;
constexpr std::size_t trace_id_digits = 32;
constexpr std::size_t parent_id_at = trace_id_at + trace_id_digits + 1;
constexpr std::size_t parent_id_digits = 16;
constexpr std::size_t flags_at = parent_id_at + parent_id_digits + 1;
constexpr std::size_t flags_digits = 2;
constexpr std::size_t length = flags_at + flags_digits;

bool is_lower_hex(std::string_view digits) {
    return std::all_of(digits.begin(), digits.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
}

bool is_id(std::string_view digits) {
    return is_lower_hex(digits) && digits.find_first_not_of('0') != std::string_view::npos;
}

// A later version may define more flags; version 00 has only `sampled`, the lowest bit.
std::string_view known_flags(std::string_view flags) {
    constexpr std::string_view odd_digits = "13579bdf";
    return odd_digits.find(flags.back()) != std::string_view::npos ? "01" : "00";
}

} // namespace

std::string traceparent_to_forward(std::string_view received) {
    if (received.size() < length) {
        return {};
    }
    const std::string_view version = received.substr(0, version_digits);
    const std::string_view trace_id = received.substr(trace_id_at, trace_id_digits);
    const std::string_view parent_id = received.substr(parent_id_at, parent_id_digits);
    const std::string_view flags = received.substr(flags_at, flags_digits);
    const bool has_dashes = received[trace_id_at - 1] == '-' && received[parent_id_at - 1] == '-' &&
                            received[flags_at - 1] == '-';
    const bool has_fields = has_dashes && is_lower_hex(version) && is_id(trace_id) &&
                            is_id(parent_id) && is_lower_hex(flags);
    if (!has_fields || version == "ff") {
        return {};
    }
    if (version == "00") {
        return received.size() == length ? std::string{received} : std::string{};
    }
    if (received.size() > length && received[length] != '-') {
        return {};
    }
    std::string out = "00";
    out.append(received.substr(version_digits, flags_at - version_digits));
    return out.append(known_flags(flags));
}

} // namespace msd::wire
