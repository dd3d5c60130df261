// SPDX-License-Identifier: Apache-2.0
#include "store/migrate.hpp"

#include "store/data_directory.hpp"
#include "store/mysql/writable_server.hpp"
#include "store/stored_entities.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace msd::store {

namespace {

// Number of attempts while another process changes the schema, which may take hours.
constexpr int attempts_max = 1200;

using sqlite_purpose = sqlite::connection::purpose;

result<migration_report>
plan_file(const std::filesystem::path& file, const sqlite::schema& wanted, sqlite_purpose use) {
    std::error_code unknown;
    if (!std::filesystem::exists(file, unknown) && !unknown) {
        return sqlite::plan_migration(nullptr, wanted);
    }
    auto opened = sqlite::connection::open(file, use);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    return sqlite::plan_migration(&*opened, wanted);
}

// Opens nothing for writing. The files of the log disappear when an instance stops meanwhile: the
// second attempt then finds the database without them.
result<migration_report>
examine_file(const std::filesystem::path& file, const sqlite::schema& wanted) {
    auto report = plan_file(file, wanted, sqlite_purpose::examining);
    return report || report.error().code == errc::denied
               ? report
               : plan_file(file, wanted, sqlite_purpose::examining);
}

result<void> migrate_file(const std::filesystem::path& file, const sqlite::schema& wanted) {
    if (auto prepared = prepare_data_directory(file.parent_path()); !prepared) {
        return prepared;
    }
    auto turn = sqlite::write_turn::open(std::filesystem::path{file}.replace_extension("lock"));
    if (!turn) {
        return tl::unexpected{std::move(turn.error())};
    }
    const auto held = turn->wait();
    if (!held) {
        return tl::unexpected{held.error()};
    }
    if (const auto created = create_private_file(file); !created) {
        return tl::unexpected{created.error()};
    }
    auto opened = sqlite::connection::open(file, sqlite_purpose::writing);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    return sqlite::migrate(*opened, wanted);
}

result<migration_report> migrate_embedded(
    const store_settings& settings,
    const sqlite::schema& schema,
    const migration_request& wanted
) {
    const auto file = settings.data_dir / fmt::format("{}.db", schema.service);
    auto report = wanted.dry_run ? examine_file(file, schema)
                                 : plan_file(file, schema, sqlite_purpose::reading);
    if (!report) {
        report.error().text = fmt::format("{}: {}", schema.service, report.error().text);
    }
    if (report && !wanted.dry_run && !report->steps.empty()) {
        if (auto done = migrate_file(file, schema); !done) {
            return tl::unexpected{std::move(done.error())};
        }
    }
    return report;
}

// Calls `change` again for as long as another process changes the schema.
template <class Change>
result<void> retry_while_locked(Change change) {
    result<void> done = change();
    for (int i = 0; i < attempts_max && !done && done.error().code == errc::refused; ++i) {
        done = change();
    }
    return done;
}

result<void> change_server(
    const store_settings& settings,
    mysql::writable_server& server,
    const mysql::schema& schema,
    const migration_report& report
) {
    result<void> done;
    if (!report.steps.empty()) {
        done = retry_while_locked([&] {
            const auto& zone = settings.server.legacy_time_zone;
            return mysql::migrate(server.opened, server.at, schema, zone);
        });
    }
    if (done && !report.finishing.empty()) {
        done = retry_while_locked([&] { return mysql::finish(server.opened, server.at, schema); });
    }
    return done;
}

result<migration_report> migrate_server(
    const store_settings& settings,
    const mysql::schema& schema,
    const migration_request& wanted
) {
    auto server = mysql::open_writable(settings.server);
    if (!server) {
        return tl::unexpected{std::move(server.error())};
    }
    auto report = mysql::plan_migration(server->opened, schema);
    if (!report) {
        return report;
    }
    if (wanted.finish) {
        auto finishing = mysql::plan_finish(server->opened, schema, report->use);
        if (!finishing) {
            return tl::unexpected{std::move(finishing.error())};
        }
        report->finishing = std::move(*finishing);
    }
    if (!wanted.dry_run) {
        if (auto done = change_server(settings, *server, schema, *report); !done) {
            return tl::unexpected{std::move(done.error())};
        }
    }
    return report;
}

template <class Stored>
result<void> migrate_one(
    const store_settings& settings,
    const migration_request& wanted,
    std::vector<migration_report>& into
) {
    const auto& chosen = wanted.services;
    if (!chosen.empty() &&
        std::find(chosen.begin(), chosen.end(), Stored::service) == chosen.end()) {
        return {};
    }
    auto report = settings.server.url.empty()
                      ? migrate_embedded(settings, Stored::embedded::wanted_schema(), wanted)
                      : migrate_server(settings, Stored::server::wanted_schema(), wanted);
    if (!report) {
        return tl::unexpected{std::move(report.error())};
    }
    into.push_back(std::move(*report));
    return {};
}

result<std::vector<migration_report>>
migrate_each(const store_settings& settings, const migration_request& wanted) {
    std::vector<migration_report> reports;
    auto done = stored_entities::each([&]<class Stored>() {
        return migrate_one<Stored>(settings, wanted, reports);
    });
    if (!done) {
        return tl::unexpected{std::move(done.error())};
    }
    return reports;
}

} // namespace

result<std::vector<migration_report>>
migrate_all(const store_settings& settings, const migration_request& wanted) {
    if (wanted.finish && settings.server.shared_with_legacy == true) {
        return fail(
            errc::invalid,
            "store.shared_with_legacy = true means that nodes of an existing deployment still use "
            "the tables: when they no longer do, remove the key and run the command again"
        );
    }
    if (wanted.finish && !wanted.dry_run) {
        // Finds rows that prevent finishing before any service is changed.
        auto possible = migrate_each(settings, {true, true, wanted.services});
        if (!possible) {
            return possible;
        }
    }
    return migrate_each(settings, wanted);
}

} // namespace msd::store
