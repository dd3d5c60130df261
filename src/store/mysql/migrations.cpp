// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/migrations.hpp"

#include "store/mysql/adoption.hpp"
#include "store/mysql/migration_lock.hpp"

#include <fmt/format.h>

#include <utility>

namespace msd::store::mysql {

namespace {

// Changing a large table takes long, and no request waits for it.
constexpr milliseconds step_timeout = std::chrono::hours{12};

constexpr auto create_versions =
    "CREATE TABLE IF NOT EXISTS schema_version("
    "service VARCHAR(64) CHARACTER SET ascii NOT NULL, version INT NOT NULL, "
    "applied TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, "
    "PRIMARY KEY(service, version)) ENGINE=InnoDB";

result<bool> any(query& found) {
    const auto row = found.next();
    if (!row) {
        return tl::unexpected{row.error()};
    }
    return *row;
}

result<std::int64_t> version_of(connection& on, std::string_view service) {
    const auto known = migrating{on, {}}.has_table("schema_version");
    if (!known) {
        return tl::unexpected{known.error()};
    }
    if (!*known) {
        return 0;
    }
    query newest{on, "SELECT COALESCE(MAX(version), 0) FROM schema_version WHERE service = ?"};
    const auto found = newest.bind(service).next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return newest.integer(0);
}

result<void> apply_missing(
    connection& on,
    const schema& wanted,
    std::string_view legacy_time_zone,
    migration_lock& held
) {
    if (auto created = on.execute(create_versions); !created) {
        return created;
    }
    const auto version = version_of(on, wanted.service);
    if (!version) {
        return tl::unexpected{version.error()};
    }
    const migrating step{on, legacy_time_zone};
    for (auto next = *version; std::cmp_less(next, wanted.migrations.size()); ++next) {
        if (auto still = held.renew(); !still) {
            return still;
        }
        const auto& todo = wanted.migrations[static_cast<std::size_t>(next)];
        if (auto applied = todo.apply(step); !applied) {
            applied.error().text = fmt::format(
                "schema of {}, step {} ({}): {}",
                wanted.service,
                next + 1,
                todo.about,
                applied.error().text
            );
            return applied;
        }
        query insert{on, "INSERT INTO schema_version(service, version) VALUES (?, ?)"};
        if (auto noted = insert.bind(wanted.service).bind(next + 1).run(); !noted) {
            return tl::unexpected{noted.error()};
        }
    }
    return {};
}

// A connection that waits as long as a step takes.
result<connection> open_patient(const server_address& at) {
    auto patient = at;
    patient.call_timeout = step_timeout;
    auto opened = connection::open(patient);
    if (!opened) {
        auto why = error_of(opened.error());
        if (opened.error().kind == failure_kind::full) {
            why.code = errc::refused;
        }
        return tl::unexpected{std::move(why)};
    }
    return std::move(*opened);
}

result<void> apply_if_planned(const migrating& step, const finishing_step& one) {
    const auto planned = one.plan(step);
    if (!planned) {
        return tl::unexpected{planned.error()};
    }
    return planned->empty() ? result<void>{} : one.apply(step);
}

} // namespace

result<bool> migrating::has_table(std::string_view table) const {
    query found{
        on,
        "SELECT 1 FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_name = ?"};
    found.bind(table);
    return any(found);
}

result<bool> migrating::has_column(std::string_view table, std::string_view column) const {
    query found{
        on,
        "SELECT 1 FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?"};
    found.bind(table).bind(column);
    return any(found);
}

result<bool>
migrating::has_index(std::string_view table, std::string_view column, bool unique) const {
    query found{
        on,
        "SELECT 1 FROM information_schema.statistics s "
        "WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ? "
        "AND seq_in_index = 1 AND non_unique <= ? "
        // A unique index over several columns allows repeated values in one of them.
        "AND (? = 1 OR 1 = (SELECT COUNT(*) FROM information_schema.statistics c "
        "WHERE c.table_schema = s.table_schema AND c.table_name = s.table_name "
        "AND c.index_name = s.index_name))"};
    const std::int64_t non_unique = unique ? 0 : 1;
    found.bind(table).bind(column).bind(non_unique).bind(non_unique);
    return any(found);
}

result<void> migrate(
    connection& first,
    const server_address& at,
    const schema& wanted,
    std::string_view legacy_time_zone
) {
    const auto version = version_of(first, wanted.service);
    if (!version) {
        return tl::unexpected{version.error()};
    }
    if (std::cmp_greater_equal(*version, wanted.migrations.size())) {
        return {};
    }
    auto opened = open_patient(at);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    migration_lock lock{*opened};
    if (auto taken = lock.take(); !taken) {
        return taken;
    }
    return apply_missing(*opened, wanted, legacy_time_zone, lock);
}

result<migration_report> plan_migration(connection& on, const schema& wanted) {
    const auto version = version_of(on, wanted.service);
    if (!version) {
        return tl::unexpected{version.error()};
    }
    migration_report report;
    report.service = wanted.service;
    report.found = *version;
    report.wanted = static_cast<std::int64_t>(wanted.migrations.size());
    const auto use = read_legacy_use({on, {}}, wanted.service, *version);
    if (!use) {
        return tl::unexpected{use.error()};
    }
    report.use = *use;
    report.adopts = report.found == 0 && report.use == legacy_use::shared;
    for (auto next = report.found; next < report.wanted; ++next) {
        report.steps.emplace_back(wanted.migrations[static_cast<std::size_t>(next)].about);
    }
    return report;
}

result<std::vector<std::string>> plan_finish(connection& on, const schema& wanted, legacy_use use) {
    std::vector<std::string> steps;
    if (use != legacy_use::shared && use != legacy_use::finishing) {
        return steps;
    }
    if (use == legacy_use::shared) {
        steps.push_back(fmt::format(
            "record that nodes of the existing deployment no longer use {}",
            wanted.service
        ));
    } else {
        steps.push_back(fmt::format("continue to finish {}, which was interrupted", wanted.service)
        );
    }
    for (const finishing_step& each : wanted.finishing) {
        auto planned = each.plan({on, {}});
        if (!planned) {
            return tl::unexpected{std::move(planned.error())};
        }
        if (!planned->empty()) {
            steps.push_back(std::move(*planned));
        }
    }
    return steps;
}

result<void> finish(connection& first, const server_address& at, const schema& wanted) {
    const auto version = version_of(first, wanted.service);
    if (!version) {
        return tl::unexpected{version.error()};
    }
    auto opened = open_patient(at);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    migration_lock lock{*opened};
    if (auto taken = lock.take(); !taken) {
        return taken;
    }
    const migrating step{*opened, {}};
    const auto use = read_legacy_use(step, wanted.service, *version);
    if (!use) {
        return tl::unexpected{use.error()};
    }
    if (*use != legacy_use::shared && *use != legacy_use::finishing) {
        return {};
    }
    // Rows that prevent a step are found before anything is changed.
    if (const auto possible = plan_finish(*opened, wanted, *use); !possible) {
        return tl::unexpected{possible.error()};
    }
    // From now on the services store hashes for msd only.
    auto done = record_legacy_use(step, wanted.service, legacy_use::finishing);
    for (const finishing_step& each : wanted.finishing) {
        if (done) {
            done = lock.renew();
        }
        if (done) {
            done = apply_if_planned(step, each);
        }
    }
    if (done) {
        done = record_legacy_use(step, wanted.service, legacy_use::finished);
    }
    if (!done) {
        done.error().text = fmt::format("finishing {}: {}", wanted.service, done.error().text);
    }
    return done;
}

} // namespace msd::store::mysql
