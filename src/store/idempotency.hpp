// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace msd::store {

// Marks a write that may be sent more than once. The store records key, fingerprint and outcome in
// the write's own transaction; for the next 24 hours a repeated write changes nothing and returns
// the recorded outcome. A failed write changed nothing and is not recorded, so that a repeat is
// executed. The same key with another fingerprint fails with errc::invalid.
struct idempotency {
    std::string key;         // at most 255 bytes; the caller checks length and scope
    std::string fingerprint; // equal for equal requests
    // Under which an earlier version of msd, whose keys had no scope, recorded the same write. Only
    // a record from before `unscoped_until_ms` with an equal fingerprint counts. Empty: none.
    std::string unscoped_key = {};
    std::int64_t unscoped_until_ms = 0; // since 1970
};

inline constexpr std::chrono::milliseconds idempotency_kept = std::chrono::hours{24};

/// Milliseconds since 1970 in UTC. A setting of stores, so that tests can control it.
using utc_clock = std::function<std::int64_t()>;
[[nodiscard]] std::int64_t utc_now_ms();

} // namespace msd::store
