// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/migration_lock.hpp"

#include "base/uuid.hpp"

#include <chrono>
#include <thread>

namespace msd::store::mysql {

namespace {

constexpr auto create_table = "CREATE TABLE IF NOT EXISTS schema_lock("
                              "id INT NOT NULL PRIMARY KEY, owner VARCHAR(64) NOT NULL, "
                              "taken DATETIME NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=ascii";

constexpr std::string_view take_free_row = "INSERT IGNORE INTO schema_lock(id, owner, taken) "
                                           "VALUES (1, '', '1970-01-01')";
constexpr std::string_view take_over_row =
    "UPDATE schema_lock SET owner = ?, taken = UTC_TIMESTAMP() WHERE id = 1 "
    "AND (owner = ? OR taken < UTC_TIMESTAMP() - INTERVAL ? SECOND)";
constexpr std::string_view free_row =
    "UPDATE schema_lock SET owner = '', taken = '1970-01-01' WHERE id = 1 AND owner = ?";

// Executes a statement again when the cluster aborted it because of a conflict: a schema change on
// another node aborts every transaction on the same table.
template <class F>
auto repeat_after_conflict(connection& on, F statement) {
    constexpr int tries_max = 10;
    constexpr std::chrono::milliseconds pause{20};
    auto done = statement();
    for (int tries = 1; !done && tries < tries_max; ++tries) {
        const failure* const why = on.failed();
        if (why == nullptr || why->kind != failure_kind::again) {
            break;
        }
        on.rollback();
        on.forget_failure();
        std::this_thread::sleep_for(pause * tries);
        done = statement();
    }
    return done;
}

tl::unexpected<error> taken_by_another() {
    return fail(errc::refused, "another process is migrating the schema");
}

} // namespace

migration_lock::~migration_lock() {
    if (!owner_.empty()) {
        // If this fails, the row expires.
        static_cast<void>(repeat_after_conflict(on_, [this] {
            return query{on_, free_row}.bind(owner_).run();
        }));
    }
}

result<void> migration_lock::take() {
    if (auto taken = take_name(); !taken) {
        return taken;
    }
    const auto several = is_cluster();
    if (!several) {
        return tl::unexpected{several.error()};
    }
    return *several ? take_row() : result<void>{};
}

result<void> migration_lock::take_name() {
    query name{on_, "SELECT GET_LOCK(CONCAT('msd.schema.', MD5(DATABASE())), ?)"};
    const auto answered = name.bind(std::int64_t{wait_s}).next();
    if (!answered) {
        return tl::unexpected{answered.error()};
    }
    if (name.integer(0) != 1) {
        return taken_by_another();
    }
    return {};
}

result<bool> migration_lock::is_cluster() {
    if (cluster_ == cluster::yes) {
        return true;
    }
    query asked{on_, "SHOW GLOBAL VARIABLES LIKE 'wsrep_on'"};
    const auto known = asked.next();
    if (!known) {
        return tl::unexpected{known.error()};
    }
    return *known && asked.text(1) == "ON";
}

// Each statement commits by itself: when two nodes execute it at once, the cluster accepts one and
// reports a deadlock to the other, which repeats it and then sees the row of the first.
result<void> migration_lock::take_row() {
    auto created = repeat_after_conflict(on_, [this] { return on_.execute(create_table); });
    if (!created) {
        return created;
    }
    const auto there = repeat_after_conflict(on_, [this] {
        return query{on_, take_free_row}.run();
    });
    if (!there) {
        return tl::unexpected{there.error()};
    }
    owner_ = uuid_v7();
    auto taken = renew();
    if (!taken) {
        owner_.clear();
    }
    return taken;
}

result<void> migration_lock::renew() {
    if (owner_.empty()) {
        return {};
    }
    const auto changed = repeat_after_conflict(on_, [this] {
        query update{on_, take_over_row};
        return update.bind(owner_).bind(owner_).bind(std::int64_t{row_counts_for.count()}).run();
    });
    if (!changed) {
        return tl::unexpected{changed.error()};
    }
    if (*changed == 0) {
        return taken_by_another();
    }
    return {};
}

} // namespace msd::store::mysql
