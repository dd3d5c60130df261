// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// How passwords are kept: argon2id (19 MiB, 2 passes) in its usual text form. Existing deployments
// keep MySQL's PASSWORD(), `*` and the 40 hex digits of SHA1(SHA1(password)): such a hash is
// checked as well, and made for tables that their nodes use too. Checking and hashing with argon2id
// blocks for tens of milliseconds and needs 19 MiB.
namespace msd::services {

enum class verdict : std::uint8_t {
    right,
    right_rehash, // right, but the hash is not what hash_password() makes today
    wrong,
    unreadable, // not a form that is checked, such as PASSWORD() of before MySQL 4.1
};

/// errc::unavailable: not enough memory.
[[nodiscard]] result<std::string> hash_password(std::string_view password);

/// MySQL's PASSWORD(). errc::unavailable: OpenSSL cannot be loaded.
[[nodiscard]] result<std::string> legacy_hash(std::string_view password);

/// Has the form of MySQL's PASSWORD().
[[nodiscard]] bool is_legacy_hash(std::string_view hash);

/// errc::unavailable: not enough memory to check it.
[[nodiscard]] result<verdict> check_password(std::string_view password, const std::string& hash);

/// Takes as long as a check, fails as one, and is always wrong otherwise: for names that are not
/// there, so that an answer and its time do not tell which are.
[[nodiscard]] result<verdict> check_without_member(std::string_view password);

} // namespace msd::services
