// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/idempotency.hpp"
#include "store/sqlite/connection.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

// The table for store::idempotency: which writes were executed under which key.
namespace msd::store::sqlite {

/// A migration of every service that writes.
inline constexpr std::string_view idempotency_schema = R"(
CREATE TABLE idempotency(
    key TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    outcome INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency(created_ms);
)";

/// The outcome noted for `once` in the last 24 hours. errc::invalid: noted with another
/// fingerprint.
[[nodiscard]] result<std::optional<std::int64_t>>
recall(connection& on, const idempotency& once, std::int64_t now_ms);

/// Notes the outcome of the write in whose transaction this runs; drops a few expired rows.
[[nodiscard]] result<void>
note(connection& on, const idempotency& once, std::int64_t outcome, std::int64_t now_ms);

} // namespace msd::store::sqlite
