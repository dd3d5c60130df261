// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// Message authentication and random bytes: libsodium for the proof of the cluster secret
// (core/cluster_proof.hpp). The hashes of passwords are in services.
namespace msd {

inline constexpr std::size_t hmac_bytes = 32;
/// A tag of HMAC-SHA256, a challenge or another value of that size.
using bytes_32 = std::array<unsigned char, hmac_bytes>;

/// HMAC-SHA256 (RFC 2104). The key may have any length.
[[nodiscard]] bytes_32 hmac_sha256(std::string_view key, std::string_view text);

/// Takes the same time wherever the values differ.
[[nodiscard]] bool is_equal_in_constant_time(const bytes_32& a, const bytes_32& b);

/// From the kernel's generator, for keys and challenges.
[[nodiscard]] bytes_32 random_bytes();

/// Lower case.
[[nodiscard]] std::string hex_of(std::span<const unsigned char> bytes);
/// Nothing unless `hex` is 64 digits in lower case.
[[nodiscard]] std::optional<bytes_32> bytes_of_hex(std::string_view hex);

} // namespace msd
