// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/migration_lock.hpp"

#include "base/uuid.hpp"

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

tl::unexpected<error> taken_by_another() {
    return fail(errc::refused, "another process is migrating the schema");
}

} // namespace

migration_lock::~migration_lock() {
    if (!owner_.empty()) {
        // If this fails, the row expires.
        static_cast<void>(query{on_, free_row}.bind(owner_).run());
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

// One statement that commits by itself: when two nodes execute it at once, the cluster accepts one
// and reports a deadlock to the other.
result<void> migration_lock::take_row() {
    if (auto created = on_.execute(create_table); !created) {
        return created;
    }
    if (const auto there = query{on_, take_free_row}.run(); !there) {
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
    query update{on_, take_over_row};
    const auto changed =
        update.bind(owner_).bind(owner_).bind(std::int64_t{row_counts_for.count()}).run();
    if (!changed) {
        return tl::unexpected{changed.error()};
    }
    if (*changed == 0) {
        return taken_by_another();
    }
    return {};
}

} // namespace msd::store::mysql
