// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/migration_report.hpp"
#include "store/mysql/connection.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace msd::store::mysql {

// What a step of a migration works with.
struct migrating {
    connection& on;
    std::string_view legacy_time_zone; // empty: the server's

    /// errc::internal and the like, from the server.
    [[nodiscard]] result<bool> has_table(std::string_view table) const;
    [[nodiscard]] result<bool> has_column(std::string_view table, std::string_view column) const;
    /// An index whose first column is that one; `unique`: only such.
    [[nodiscard]] result<bool>
    has_index(std::string_view table, std::string_view column, bool unique) const;
};

// One step: what it does, for people, and how. The server commits each statement that changes the
// schema by itself, so a step may be interrupted at any point: it looks what is there already and
// can be made again.
struct migration {
    std::string_view about;
    result<void> (*apply)(const migrating&);
};

// One step of `msd migrate --finish`, which may be repeated like a migration.
struct finishing_step {
    /// What apply() would do, for people; empty: nothing. Works with every version of the schema.
    result<std::string> (*plan)(const migrating&);
    result<void> (*apply)(const migrating&);
};

// The schema of one service: the steps that lead from an empty database, or from one made by an
// existing deployment, to what this build expects. Step N makes version N + 1 of version N.
// Published steps never change what they make of an empty database; new ones are added at the end
// and only add to the schema, because a roll can be taken back: then an older msd meets it.
struct schema {
    std::string_view service;
    std::span<const migration> migrations;
    std::span<const finishing_step> finishing = {}; // what adoption leaves as it was
};

/// Brings the database to the version of this build; nothing when it is there or further. `first`
/// is asked for the version, the steps are made on a connection of their own, which waits as long
/// as they take. Of many that start at once one makes them. errc::refused: another one has been at
/// it for a while, or the server is full; come back. errc::invalid: the database or
/// `legacy_time_zone` is not what it can be made from.
[[nodiscard]] result<void> migrate(
    connection& first,
    const server_address& at,
    const schema& wanted,
    std::string_view legacy_time_zone
);

/// What migrate() would do, without doing it. `finishing` of the report stays empty.
[[nodiscard]] result<migration_report> plan_migration(connection& on, const schema& wanted);

/// What finish() would do, for people, without doing it. errc::invalid: it cannot be done before
/// people have changed rows.
[[nodiscard]] result<std::vector<std::string>>
plan_finish(connection& on, const schema& wanted, legacy_use use);

/// Ends the sharing of an adopted table with the nodes of the existing deployment: makes of it what
/// msd's own tables are. Nothing for a table that msd created. migrate() comes first. Errors as
/// migrate() and plan_finish(); can be repeated after an interruption.
[[nodiscard]] result<void>
finish(connection& first, const server_address& at, const schema& wanted);

} // namespace msd::store::mysql
