// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/idempotency_table.hpp"

namespace msd::store::sqlite {

namespace {

// Each recorded write removes up to this many expired rows, so that the table shrinks faster than
// it grows and no single write has to remove the rows of a whole day.
constexpr std::int64_t pruned_per_write = 4;

} // namespace

namespace {

// What an earlier version of msd has recorded for the write.
result<std::optional<std::int64_t>>
recall_unscoped(connection& on, const idempotency& once, std::int64_t now_ms) {
    if (once.unscoped_key.empty()) {
        return std::nullopt;
    }
    query noted{
        on,
        "SELECT outcome FROM idempotency WHERE key = ? AND fingerprint = ? AND created_ms > ? "
        "AND created_ms < ?"};
    noted.bind(once.unscoped_key).bind(once.fingerprint);
    noted.bind(now_ms - idempotency_kept.count()).bind(once.unscoped_until_ms);
    const auto found = noted.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return *found ? std::optional{noted.integer(0)} : std::nullopt;
}

} // namespace

result<std::optional<std::int64_t>>
recall(connection& on, const idempotency& once, std::int64_t now_ms) {
    query noted{
        on,
        "SELECT fingerprint, outcome FROM idempotency WHERE key = ? AND created_ms > ?"};
    noted.bind(once.key).bind(now_ms - idempotency_kept.count());
    const auto found = noted.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (!*found) {
        return recall_unscoped(on, once, now_ms);
    }
    if (noted.text(0) != once.fingerprint) {
        return fail(errc::invalid, "the key was used for a different request");
    }
    return noted.integer(1);
}

result<void>
note(connection& on, const idempotency& once, std::int64_t outcome, std::int64_t now_ms) {
    query prune{
        on,
        "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency "
        "WHERE created_ms <= ? ORDER BY created_ms LIMIT ?)"};
    auto pruned = prune.bind(now_ms - idempotency_kept.count()).bind(pruned_per_write).run();
    if (!pruned) {
        return pruned;
    }
    // An expired row of the same key may still exist.
    query insert{
        on,
        "INSERT OR REPLACE INTO idempotency(key, fingerprint, outcome, created_ms) "
        "VALUES (?, ?, ?, ?)"};
    return insert.bind(once.key).bind(once.fingerprint).bind(outcome).bind(now_ms).run();
}

} // namespace msd::store::sqlite
