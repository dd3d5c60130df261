// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/idempotency_table.hpp"

namespace msd::store::mysql {

namespace {

// Keys and fingerprints are bytes. Rows are short-lived and only looked up by key, so the order of
// the primary key does not matter.
constexpr auto create_table = "CREATE TABLE IF NOT EXISTS idempotency("
                              "service VARBINARY(64) NOT NULL, idem VARBINARY(255) NOT NULL, "
                              "fingerprint VARBINARY(255) NOT NULL, outcome BIGINT NOT NULL, "
                              "created_ms BIGINT NOT NULL, PRIMARY KEY(service, idem), "
                              "KEY idempotency_by_age(service, created_ms)) ENGINE=InnoDB";

constexpr std::string_view insert_claim =
    "INSERT INTO idempotency(service, idem, fingerprint, outcome, created_ms) "
    "VALUES (?, ?, ?, 0, ?)";
constexpr std::string_view find_one =
    "SELECT fingerprint, outcome, created_ms FROM idempotency WHERE service = ? AND idem = ?";
constexpr std::string_view find_unscoped =
    "SELECT outcome FROM idempotency WHERE service = ? AND idem = ? AND fingerprint = ? "
    "AND created_ms > ? AND created_ms < ?";
constexpr std::string_view renew_expired =
    "UPDATE idempotency SET fingerprint = ?, outcome = 0, created_ms = ? "
    "WHERE service = ? AND idem = ? AND created_ms <= ?";
constexpr std::string_view set_outcome =
    "UPDATE idempotency SET outcome = ? WHERE service = ? AND idem = ?";
constexpr std::string_view delete_expired =
    "DELETE FROM idempotency WHERE service = ? AND created_ms <= ? ORDER BY created_ms LIMIT ?";

// What an earlier version of msd has recorded for the write.
result<std::optional<std::int64_t>> recall_unscoped(
    connection& on,
    std::string_view service,
    const idempotency& once,
    std::int64_t now_ms
) {
    if (once.unscoped_key.empty()) {
        return std::nullopt;
    }
    query noted{on, find_unscoped};
    noted.bind(service).bind(once.unscoped_key).bind(once.fingerprint);
    noted.bind(now_ms - idempotency_kept.count()).bind(once.unscoped_until_ms);
    const auto found = noted.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return *found ? std::optional{noted.integer(0)} : std::nullopt;
}

} // namespace

result<void> create_idempotency(const migrating& step) {
    return step.on.execute(create_table);
}

result<std::optional<std::int64_t>>
recall(connection& on, std::string_view service, const idempotency& once, std::int64_t now_ms) {
    query noted{on, find_one};
    const auto found = noted.bind(service).bind(once.key).next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (!*found || noted.integer(2) <= now_ms - idempotency_kept.count()) {
        return recall_unscoped(on, service, once, now_ms);
    }
    if (noted.text(0) != once.fingerprint) {
        return fail(errc::invalid, "the key was used for a different request");
    }
    return noted.integer(1);
}

// The INSERT comes first: it waits for another transaction with this key. The SELECT is then the
// first read of this transaction and sees what the other one has committed.
result<std::optional<std::int64_t>>
claim(connection& on, std::string_view service, const idempotency& once, std::int64_t now_ms) {
    query insert{on, insert_claim};
    const auto claimed =
        insert.bind(service).bind(once.key).bind(once.fingerprint).bind(now_ms).run();
    if (claimed) {
        auto before = recall_unscoped(on, service, once, now_ms);
        if (before && *before) {
            // The claim is committed with the transaction, so it needs the outcome too.
            if (auto kept = note(on, service, once, **before); !kept) {
                return tl::unexpected{kept.error()};
            }
        }
        return before;
    }
    if (claimed.error().code != errc::conflict) {
        return tl::unexpected{claimed.error()};
    }
    on.forget_failure();
    auto earlier = recall(on, service, once, now_ms);
    if (!earlier || *earlier) {
        return earlier;
    }
    query renew{on, renew_expired};
    renew.bind(once.fingerprint).bind(now_ms).bind(service).bind(once.key);
    const auto renewed = renew.bind(now_ms - idempotency_kept.count()).run();
    if (!renewed) {
        return tl::unexpected{renewed.error()};
    }
    if (*renewed == 0) {
        // Another transaction has just removed or renewed the row: repeat this transaction.
        return tl::unexpected{on.give_way()};
    }
    return std::nullopt;
}

result<void>
note(connection& on, std::string_view service, const idempotency& once, std::int64_t outcome) {
    const auto done = query{on, set_outcome}.bind(outcome).bind(service).bind(once.key).run();
    if (!done) {
        return tl::unexpected{done.error()};
    }
    return {};
}

result<std::int64_t> prune(connection& on, std::string_view service, std::int64_t now_ms) {
    query expired{on, delete_expired};
    expired.bind(service).bind(now_ms - idempotency_kept.count());
    return expired.bind(pruned_at_once).run();
}

} // namespace msd::store::mysql
