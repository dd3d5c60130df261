// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/migrations.hpp"

#include <cstdint>
#include <string>

namespace msd::store::sqlite {

namespace {

result<std::int64_t> newest_of(connection& on, std::string_view service) {
    query newest{on, "SELECT COALESCE(MAX(version), 0) FROM schema_version WHERE service = ?"};
    const auto found = newest.bind(service).next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return newest.integer(0);
}

result<std::int64_t> version_of(connection& on, std::string_view service) {
    const auto created = on.execute("CREATE TABLE IF NOT EXISTS schema_version("
                                    "service TEXT NOT NULL, version INTEGER NOT NULL,"
                                    "applied TEXT NOT NULL DEFAULT (datetime('now')),"
                                    "PRIMARY KEY(service, version)) WITHOUT ROWID");
    if (!created) {
        return tl::unexpected{created.error()};
    }
    return newest_of(on, service);
}

result<std::int64_t> version_without_change(connection& on, std::string_view service) {
    query table{on, "SELECT 1 FROM sqlite_master WHERE name = 'schema_version'"};
    const auto there = table.next();
    if (!there) {
        return tl::unexpected{there.error()};
    }
    return *there ? newest_of(on, service) : 0;
}

result<void> apply_missing(connection& on, const schema& wanted) {
    const auto version = version_of(on, wanted.service);
    if (!version) {
        return tl::unexpected{version.error()};
    }
    for (auto next = *version; std::cmp_less(next, wanted.migrations.size()); ++next) {
        const auto script = wanted.migrations[static_cast<std::size_t>(next)];
        if (auto applied = on.execute(std::string{script}); !applied) {
            return applied;
        }
        query insert{on, "INSERT INTO schema_version(service, version) VALUES (?, ?)"};
        if (auto noted = insert.bind(wanted.service).bind(next + 1).run(); !noted) {
            return noted;
        }
    }
    return {};
}

} // namespace

result<void> migrate(connection& on, const schema& wanted) {
    if (auto begun = on.execute("BEGIN IMMEDIATE"); !begun) {
        return begun;
    }
    auto outcome = apply_missing(on, wanted);
    if (outcome) {
        outcome = on.execute("COMMIT");
    }
    if (!outcome && on.in_transaction()) {
        // The first error is returned; the caller closes the connection.
        static_cast<void>(on.execute("ROLLBACK"));
    }
    return outcome;
}

result<migration_report> plan_migration(connection* on, const schema& wanted) {
    migration_report report;
    report.service = wanted.service;
    report.wanted = static_cast<std::int64_t>(wanted.migrations.size());
    if (on != nullptr) {
        const auto found = version_without_change(*on, wanted.service);
        if (!found) {
            return tl::unexpected{found.error()};
        }
        report.found = *found;
    }
    for (auto next = report.found; next < report.wanted; ++next) {
        report.steps.push_back("version " + std::to_string(next + 1));
    }
    return report;
}

} // namespace msd::store::sqlite
