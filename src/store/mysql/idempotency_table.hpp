// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/idempotency.hpp"
#include "store/mysql/connection.hpp"
#include "store/mysql/migrations.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

// The table for store::idempotency: which writes were executed under which key. One table for all
// services of a database.
namespace msd::store::mysql {

/// A step of the schema of every service that writes.
[[nodiscard]] result<void> create_idempotency(const migrating& step);
inline constexpr migration idempotency_migration{
    "create the table of Idempotency-Keys",
    create_idempotency};

/// The outcome recorded for `once` in the last 24 hours. errc::invalid: it was recorded with
/// another fingerprint.
[[nodiscard]] result<std::optional<std::int64_t>>
recall(connection& on, std::string_view service, const idempotency& once, std::int64_t now_ms);

/// Claims the key for the write of the present transaction, or returns the outcome recorded for it.
/// Waits for another transaction that has claimed the key. errc::invalid: as recall().
[[nodiscard]] result<std::optional<std::int64_t>>
claim(connection& on, std::string_view service, const idempotency& once, std::int64_t now_ms);

/// Records the outcome of a write that has claimed its key.
[[nodiscard]] result<void>
note(connection& on, std::string_view service, const idempotency& once, std::int64_t outcome);

inline constexpr std::int64_t pruned_at_once = 1000;
/// Removes expired rows, at most pruned_at_once; returns the number of removed rows.
[[nodiscard]] result<std::int64_t>
prune(connection& on, std::string_view service, std::int64_t now_ms);

} // namespace msd::store::mysql
