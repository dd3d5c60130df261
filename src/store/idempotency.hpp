// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace msd::store {

// Marks a write that may arrive more than once. The store notes key, fingerprint and outcome in
// the write's own transaction; for the next 24 hours a repeat changes nothing and gets the noted
// outcome. Writes that failed are not noted: they changed nothing, so a repeat tries again. The
// same key with another fingerprint is errc::invalid.
struct idempotency {
    std::string key;         // at most 255 bytes; whose it is and how long is checked before
    std::string fingerprint; // the same for the same request
};

inline constexpr std::chrono::milliseconds idempotency_kept = std::chrono::hours{24};

/// Milliseconds since 1970 in UTC; a setting of stores so that tests can move it.
using utc_clock = std::function<std::int64_t()>;
[[nodiscard]] std::int64_t utc_now_ms();

} // namespace msd::store
