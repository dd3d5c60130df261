// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/mysql/migrations.hpp"

#include <span>
#include <string_view>

// Steps of migrations that create a table, or adopt the one of an existing deployment without
// losing a row. All can be repeated after an interruption. While nodes of that deployment may use
// an adopted table, its texts keep their character sets and collations and its names are as unique
// as they were: `msd migrate --finish` changes them. Table schema_adoption has one row per service
// that says how far this is (legacy_use in store/migration_report.hpp). The texts given here are
// parts of statements from this program, never user data.
namespace msd::store::mysql {

struct adopted_table {
    std::string_view name;
    std::string_view create; // the columns of a new table
    std::string_view adopt;  // changes of an existing one: "MODIFY …, MODIFY …"
};

/// A new table is utf8mb4, compared byte by byte; the engine is InnoDB in both cases. Records which
/// of the two cases it was.
[[nodiscard]] result<void> create_or_adopt_table(const migrating& step, const adopted_table& table);

/// Records that msd creates the tables of a service; create_or_adopt_table() does that, too.
[[nodiscard]] result<void> record_own_tables(const migrating& step, std::string_view service);

/// Creates a table that existing deployments do not have. Indexes are part of `columns`.
/// errc::invalid: there is a table of that name without these columns.
[[nodiscard]] result<void> create_own_table(
    const migrating& step,
    std::string_view table,
    std::string_view columns,
    std::span<const std::string_view> names
);

/// For databases of an msd that did not record whether it had adopted the tables: records it, from
/// what its own tables never have. Keeps a record that is there.
[[nodiscard]] result<void> record_earlier_adoption(const migrating& step, std::string_view service);

/// As recorded; without a record, what one of the two functions above would record for a database
/// with that version of the schema.
[[nodiscard]] result<legacy_use>
read_legacy_use(const migrating& step, std::string_view service, std::int64_t version);

[[nodiscard]] result<void>
record_legacy_use(const migrating& step, std::string_view service, legacy_use use);

/// For people: what convert_texts() would do; empty: nothing. `effect` ends the sentence.
[[nodiscard]] result<std::string>
plan_text_conversion(const migrating& step, std::string_view table, std::string_view effect);

/// Texts become utf8mb4, compared byte by byte. `modify`: changes made with it, "MODIFY …".
[[nodiscard]] result<void>
convert_texts(const migrating& step, std::string_view table, std::string_view modify);

struct added_column {
    std::string_view table;
    std::string_view name;
    std::string_view type;
};

/// Adds those that are not there yet, all in one statement.
[[nodiscard]] result<void>
add_columns(const migrating& step, std::span<const added_column> columns);

struct added_index {
    std::string_view table;
    std::string_view column;
    std::string_view name;
    bool unique = false;
};

/// Does nothing when an index begins with the column already. errc::invalid: the index is unique
/// and values repeat.
[[nodiscard]] result<void> add_index(const migrating& step, const added_index& index);

} // namespace msd::store::mysql
