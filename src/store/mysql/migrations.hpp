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

// The context of a step of a migration.
struct migrating {
    connection& on;
    std::string_view legacy_time_zone; // empty: the server's

    // Errors of these functions are those of the server.
    [[nodiscard]] result<bool> has_table(std::string_view table) const;
    [[nodiscard]] result<bool> has_column(std::string_view table, std::string_view column) const;
    /// Whether an index begins with this column; with `unique`, only unique indexes of this column
    /// alone count.
    [[nodiscard]] result<bool>
    has_index(std::string_view table, std::string_view column, bool unique) const;
};

// One step of a migration: a description for people and the function. The server commits each
// statement that changes the schema by itself, so a step may be interrupted at any point. Therefore
// a step checks what exists already and can be repeated.
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

// The schema of one service: the steps that migrate an empty database, or that of an existing
// deployment, to the version of this build. Step N migrates from version N to version N + 1.
// Published steps never change what they make of an empty database. New steps are appended and only
// add to the schema, because an older msd has to work with it after a rollback.
struct schema {
    std::string_view service;
    std::span<const migration> migrations;
    std::span<const finishing_step> finishing = {}; // what adoption leaves as it was
};

/// Migrates the database to the version of this build; does nothing when it has this version or a
/// later one. `first` reads the version; the steps use a connection of their own, without a
/// timeout. When several processes call this at once, one of them executes the steps.
/// errc::refused: another process executes them, or the server is full: try again. errc::invalid:
/// the database or `legacy_time_zone` makes a step impossible.
[[nodiscard]] result<void> migrate(
    connection& first,
    const server_address& at,
    const schema& wanted,
    std::string_view legacy_time_zone
);

/// Returns what migrate() would do. `finishing` of the report stays empty.
[[nodiscard]] result<migration_report> plan_migration(connection& on, const schema& wanted);

/// Returns what finish() would do, for people. errc::invalid: rows have to be changed first; the
/// text says which.
[[nodiscard]] result<std::vector<std::string>>
plan_finish(connection& on, const schema& wanted, legacy_use use);

/// Ends the sharing of an adopted table with the nodes of the existing deployment: makes of it what
/// msd's own tables are. Nothing for a table that msd created. migrate() comes first. Errors as
/// migrate() and plan_finish(); can be repeated after an interruption.
[[nodiscard]] result<void>
finish(connection& first, const server_address& at, const schema& wanted);

} // namespace msd::store::mysql
