// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// How passwords are stored: as argon2id (19 MiB, 2 passes) in its usual text form. Existing
// deployments store MySQL's PASSWORD(), `*` and the 40 hex digits of SHA1(SHA1(password)). Such a
// hash is checked as well, and is written to tables that nodes of an existing deployment use.
// Checking and hashing with argon2id blocks for tens of milliseconds and needs 19 MiB.
namespace msd::services {

enum class verdict : std::uint8_t {
    right,
    right_rehash, // right, but the hash differs in form or cost from those of hash_password()
    wrong,
    unreadable, // a form that is not supported, such as PASSWORD() from before MySQL 4.1, or an
                // argon2id hash that is damaged or costs too much (store/argon2id_cost.hpp)
};

/// errc::unavailable: not enough memory.
[[nodiscard]] result<std::string> hash_password(std::string_view password);

/// MySQL's PASSWORD(). errc::unavailable: OpenSSL cannot be loaded.
[[nodiscard]] result<std::string> legacy_hash(std::string_view password);

/// Has the form of MySQL's PASSWORD().
[[nodiscard]] bool is_legacy_hash(std::string_view hash);

/// errc::unavailable: not enough memory to check it.
[[nodiscard]] result<verdict> check_password(std::string_view password, const std::string& hash);

/// For unknown usernames: takes as long as check_password(), fails in the same cases, and otherwise
/// returns `wrong`, so that neither the reply nor its time reveals which usernames exist.
[[nodiscard]] result<verdict> check_without_member(std::string_view password);

} // namespace msd::services
