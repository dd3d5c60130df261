// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/sticky_cookie.hpp"

#include "base/hmac.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace msd::core::resilience {

namespace {

constexpr std::size_t token_digits = 16;
constexpr std::size_t signature_bytes = 16; // of HMAC's 32 (RFC 2104, 5)
constexpr std::size_t value_digits = token_digits + 2 * signature_bytes;

std::string digits_of(std::uint64_t token) {
    std::array<unsigned char, sizeof(token)> bytes{};
    for (std::size_t byte = 0; byte < bytes.size(); ++byte) {
        bytes[byte] = static_cast<unsigned char>(token >> (8 * (bytes.size() - 1 - byte)));
    }
    return hex_of(bytes);
}

// What follows is zero, so that signatures can be compared as whole tags.
bytes_32 signature_of(std::string_view secret, std::string_view service, std::string_view token) {
    std::string text{"msd-sticky"};
    text += '\0';
    text += service;
    text += '\0';
    text += token;
    bytes_32 tag = hmac_sha256(secret, text);
    std::fill(tag.begin() + signature_bytes, tag.end(), static_cast<unsigned char>(0));
    return tag;
}

} // namespace

std::string sticky_cookie(std::string_view secret, std::string_view service, std::uint64_t token) {
    const std::string digits = digits_of(token);
    const bytes_32 tag = signature_of(secret, service, digits);
    return digits + hex_of(std::span{tag}.first(signature_bytes));
}

std::optional<std::uint64_t>
sticky_token(std::string_view secret, std::string_view service, std::string_view value) {
    if (value.size() != value_digits) {
        return std::nullopt;
    }
    const std::string_view digits = value.substr(0, token_digits);
    std::string padded{value.substr(token_digits)};
    padded.append(2 * (hmac_bytes - signature_bytes), '0');
    const auto given = bytes_of_hex(padded);
    if (!given || !is_equal_in_constant_time(*given, signature_of(secret, service, digits))) {
        return std::nullopt;
    }
    std::uint64_t token = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, token, 16);
    if (failure != std::errc{} || stop != end || token == 0) {
        return std::nullopt;
    }
    return token;
}

} // namespace msd::core::resilience
