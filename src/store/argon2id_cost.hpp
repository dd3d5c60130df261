// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

// The cost of checking a password against an argon2id hash. The hash itself names it, and hashes
// come from imports and from the tables of existing deployments: one that asks for 4 GiB, or for
// hours, must not be computed.
namespace msd::store {

struct argon2id_cost {
    std::uint32_t memory_kib = 0;
    std::uint32_t passes = 0;
    std::uint32_t lanes = 0;
};

/// Of the hashes that msd makes: 19 MiB.
inline constexpr argon2id_cost own_argon2id_cost{19 * 1024, 2, 1};
/// The highest cost of a hash that msd checks.
inline constexpr argon2id_cost argon2id_cost_max{
    2 * own_argon2id_cost.memory_kib,
    2 * own_argon2id_cost.passes,
    2 * own_argon2id_cost.lanes};
inline constexpr std::size_t argon2id_bytes_max = 255; // of the text of a hash

/// Whether `hash` begins as an argon2id hash does.
[[nodiscard]] bool is_argon2id(std::string_view hash);

/// The cost of a hash in the form $argon2id$v=19$m=19456,t=2,p=1$SALT$DIGEST; nothing for any other
/// text.
[[nodiscard]] std::optional<argon2id_cost> argon2id_cost_of(std::string_view hash);

/// For a text that is_argon2id(). errc::too_large: it costs more than argon2id_cost_max.
/// errc::malformed: it has another form, so that no password matches it.
[[nodiscard]] result<void> check_argon2id_cost(std::string_view hash);

} // namespace msd::store
