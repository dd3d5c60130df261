// SPDX-License-Identifier: Apache-2.0
#include "base/hmac.hpp"

#include <sodium.h>

namespace msd {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

static_assert(crypto_auth_hmacsha256_BYTES == hmac_bytes);

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

bytes_32 hmac_sha256(std::string_view key, std::string_view text) {
    crypto_auth_hmacsha256_state state;
    bytes_32 tag{};
    crypto_auth_hmacsha256_init(&state, bytes_of(key), key.size());
    crypto_auth_hmacsha256_update(&state, bytes_of(text), text.size());
    crypto_auth_hmacsha256_final(&state, tag.data());
    return tag;
}

bool is_equal_in_constant_time(const bytes_32& a, const bytes_32& b) {
    return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

bytes_32 random_bytes() {
    bytes_32 made{};
    randombytes_buf(made.data(), made.size());
    return made;
}

std::string hex_of(std::span<const unsigned char> bytes) {
    std::string hex;
    hex.reserve(2 * bytes.size());
    for (const unsigned char byte : bytes) {
        hex += digits[byte >> 4U];
        hex += digits[byte & 0xFU];
    }
    return hex;
}

std::optional<bytes_32> bytes_of_hex(std::string_view hex) {
    bytes_32 read{};
    if (hex.size() != 2 * read.size()) {
        return std::nullopt;
    }
    for (std::size_t at = 0; at < hex.size(); ++at) {
        const std::size_t digit = digits.find(hex[at]);
        if (digit == std::string_view::npos) {
            return std::nullopt;
        }
        read[at / 2] = static_cast<unsigned char>(read[at / 2] << 4U | digit);
    }
    return read;
}

} // namespace msd
