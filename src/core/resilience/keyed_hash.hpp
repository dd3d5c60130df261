// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace msd::core::resilience {

/// 128 random bits, the same in all workers of a host.
using hash_key = std::array<std::uint64_t, 2>;

/// SipHash-2-4 (Aumasson and Bernstein, 2012), for keys of limits, consistent hashing and tokens of
/// endpoints: who does not know the key cannot choose texts that share a place of a table. Not for
/// signatures: base/hmac.hpp.
[[nodiscard]] std::uint64_t keyed_hash(const hash_key& key, std::string_view text);

} // namespace msd::core::resilience
