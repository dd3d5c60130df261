// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/keyed_hash.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace msd::core::resilience {

namespace {

constexpr std::size_t word_bytes = 8;

// The last word holds the rest of the text and, in its highest byte, the length.
std::uint64_t word_at(std::string_view text) {
    std::uint64_t word = 0;
    const std::size_t bytes = std::min(text.size(), word_bytes);
    for (std::size_t byte = 0; byte < bytes; ++byte) {
        word |= std::uint64_t{static_cast<unsigned char>(text[byte])} << (8 * byte);
    }
    return word;
}

void mix(std::array<std::uint64_t, 4>& v, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        v[0] += v[1];
        v[1] = std::rotl(v[1], 13) ^ v[0];
        v[0] = std::rotl(v[0], 32);
        v[2] += v[3];
        v[3] = std::rotl(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = std::rotl(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = std::rotl(v[1], 17) ^ v[2];
        v[2] = std::rotl(v[2], 32);
    }
}

} // namespace

std::uint64_t keyed_hash(const hash_key& key, std::string_view text) {
    std::array<std::uint64_t, 4> v{
        key[0] ^ 0x736f6d6570736575,
        key[1] ^ 0x646f72616e646f6d,
        key[0] ^ 0x6c7967656e657261,
        key[1] ^ 0x7465646279746573};
    const std::uint64_t length = std::uint64_t{text.size()} << 56;
    while (text.size() >= word_bytes) {
        const std::uint64_t word = word_at(text);
        v[3] ^= word;
        mix(v, 2);
        v[0] ^= word;
        text.remove_prefix(word_bytes);
    }
    const std::uint64_t last = word_at(text) | length;
    v[3] ^= last;
    mix(v, 2);
    v[0] ^= last;
    v[2] ^= 0xFF;
    mix(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

} // namespace msd::core::resilience
