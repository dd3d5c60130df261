// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/mysql/migrations.hpp"

#include <span>
#include <string_view>

// Steps of migrations that make a table, or take over the one of an existing deployment without
// losing a row. All can be made again after an interruption. The texts are parts of statements,
// written in this program, never anybody's data.
namespace msd::store::mysql {

struct adopted_table {
    std::string_view name;
    std::string_view create; // the columns of a new table
    std::string_view adopt;  // changes of an existing one: "MODIFY …, MODIFY …"
};

/// Texts become utf8mb4, compared byte by byte; the engine InnoDB.
[[nodiscard]] result<void> create_or_adopt_table(const migrating& step, const adopted_table& table);

struct added_column {
    std::string_view table;
    std::string_view name;
    std::string_view type;
};

/// Those that are not there yet, in one go.
[[nodiscard]] result<void>
add_columns(const migrating& step, std::span<const added_column> columns);

struct added_index {
    std::string_view table;
    std::string_view column;
    std::string_view name;
    bool unique = false;
};

/// Unless an index begins with the column already. errc::invalid: unique, and values repeat.
[[nodiscard]] result<void> add_index(const migrating& step, const added_index& index);

} // namespace msd::store::mysql
