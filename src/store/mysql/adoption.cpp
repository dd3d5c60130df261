// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/adoption.hpp"

#include <fmt/format.h>

#include <cassert>
#include <string>

namespace msd::store::mysql {

result<void> create_or_adopt_table(const migrating& step, const adopted_table& table) {
    const auto there = step.has_table(table.name);
    if (!there) {
        return tl::unexpected{there.error()};
    }
    const auto& collation = step.on.facts().text_collation;
    if (!*there) {
        return step.on.execute(fmt::format(
            "CREATE TABLE IF NOT EXISTS {}({}) ENGINE=InnoDB "
            "DEFAULT CHARACTER SET utf8mb4 COLLATE {}",
            table.name,
            table.create,
            collation
        ));
    }
    return step.on.execute(fmt::format(
        "ALTER TABLE {} CONVERT TO CHARACTER SET utf8mb4 COLLATE {}, {}, ENGINE=InnoDB",
        table.name,
        collation,
        table.adopt
    ));
}

result<void> add_columns(const migrating& step, std::span<const added_column> columns) {
    assert(!columns.empty());
    std::string missing;
    for (const auto& [table, name, type] : columns) {
        const auto there = step.has_column(table, name);
        if (!there) {
            return tl::unexpected{there.error()};
        }
        if (!*there) {
            missing += fmt::format("{}ADD COLUMN {} {}", missing.empty() ? "" : ", ", name, type);
        }
    }
    if (missing.empty()) {
        return {};
    }
    return step.on.execute(fmt::format("ALTER TABLE {} {}", columns.front().table, missing));
}

result<void> add_index(const migrating& step, const added_index& index) {
    const auto there = step.has_index(index.table, index.column, index.unique);
    if (!there) {
        return tl::unexpected{there.error()};
    }
    if (*there) {
        return {};
    }
    auto added = step.on.execute(fmt::format(
        "ALTER TABLE {} ADD {} KEY {} ({})",
        index.table,
        index.unique ? "UNIQUE" : "",
        index.name,
        index.column
    ));
    if (!added && added.error().code == errc::conflict) {
        return fail(
            errc::invalid,
            fmt::format(
                "two rows of {} have the same {}: remove one of each pair, then start again",
                index.table,
                index.column
            )
        );
    }
    return added;
}

} // namespace msd::store::mysql
