// SPDX-License-Identifier: Apache-2.0
#include "store/migrate.hpp"

#include "store/data_directory.hpp"
#include "store/mysql/goods_table.hpp"
#include "store/mysql/members_table.hpp"
#include "store/mysql/purchases_table.hpp"
#include "store/mysql/writable_server.hpp"
#include "store/sqlite/goods_table.hpp"
#include "store/sqlite/members_table.hpp"
#include "store/sqlite/purchases_table.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace msd::store {

namespace {

// While another process is at it: as long as it takes, asked anew.
constexpr int patience = 1200;

result<migration_report>
plan_file(const std::filesystem::path& file, const sqlite::schema& wanted) {
    std::error_code unknown;
    if (!std::filesystem::exists(file, unknown) && !unknown) {
        return sqlite::plan_migration(nullptr, wanted);
    }
    auto opened = sqlite::connection::open(file, sqlite::connection::purpose::reading);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    return sqlite::plan_migration(&*opened, wanted);
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
    auto opened = sqlite::connection::open(file, sqlite::connection::purpose::writing);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    return sqlite::migrate(*opened, wanted);
}

result<migration_report>
migrate_embedded(const store_settings& settings, const sqlite::schema& wanted, migrating how) {
    const auto file = settings.data_dir / fmt::format("{}.db", wanted.service);
    auto report = plan_file(file, wanted);
    if (report && how == migrating::for_real && !report->steps.empty()) {
        if (auto done = migrate_file(file, wanted); !done) {
            return tl::unexpected{std::move(done.error())};
        }
    }
    return report;
}

result<migration_report>
migrate_server(const store_settings& settings, const mysql::schema& wanted, migrating how) {
    auto server = mysql::open_writable(settings.server);
    if (!server) {
        return tl::unexpected{std::move(server.error())};
    }
    auto& opened = server->opened;
    auto report = mysql::plan_migration(opened, wanted);
    if (!report || how == migrating::dry_run || report->steps.empty()) {
        return report;
    }
    const auto& zone = settings.server.legacy_time_zone;
    auto done = mysql::migrate(opened, server->at, wanted, zone);
    for (int i = 0; i < patience && !done && done.error().code == errc::refused; ++i) {
        done = mysql::migrate(opened, server->at, wanted, zone);
    }
    if (!done) {
        return tl::unexpected{std::move(done.error())};
    }
    return report;
}

template <class Embedded, class Server>
result<void>
migrate_one(const store_settings& settings, migrating how, std::vector<migration_report>& into) {
    auto report = settings.server.url.empty()
                      ? migrate_embedded(settings, Embedded::wanted_schema(), how)
                      : migrate_server(settings, Server::wanted_schema(), how);
    if (!report) {
        return tl::unexpected{std::move(report.error())};
    }
    into.push_back(std::move(*report));
    return {};
}

} // namespace

result<std::vector<migration_report>> migrate_all(const store_settings& settings, migrating how) {
    std::vector<migration_report> reports;
    auto done = migrate_one<sqlite::goods_table, mysql::goods_table>(settings, how, reports);
    if (done) {
        done = migrate_one<sqlite::members_table, mysql::members_table>(settings, how, reports);
    }
    if (done) {
        done = migrate_one<sqlite::purchases_table, mysql::purchases_table>(settings, how, reports);
    }
    if (!done) {
        return tl::unexpected{std::move(done.error())};
    }
    return reports;
}

} // namespace msd::store
