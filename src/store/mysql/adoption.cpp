// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/adoption.hpp"

#include <fmt/format.h>

#include <cassert>
#include <optional>
#include <string>

namespace msd::store::mysql {

namespace {

constexpr auto create_adoptions =
    "CREATE TABLE IF NOT EXISTS schema_adoption("
    "service VARCHAR(64) CHARACTER SET ascii NOT NULL PRIMARY KEY, "
    "state VARCHAR(16) CHARACTER SET ascii NOT NULL, "
    "changed TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB";
constexpr std::string_view find_adoption = "SELECT state FROM schema_adoption WHERE service = ?";
constexpr std::string_view insert_adoption =
    "INSERT IGNORE INTO schema_adoption(service, state) VALUES (?, ?)";
constexpr std::string_view update_adoption =
    "UPDATE schema_adoption SET state = ?, changed = CURRENT_TIMESTAMP WHERE service = ?";

// Tables that msd creates allow NULL in these columns, those of existing deployments usually do
// not; and msd's unique index on names is called members_by_name. Adoption keeps both.
constexpr std::string_view find_foreign_columns =
    "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() "
    "AND is_nullable = 'NO' AND (table_name = 'goods' AND column_name IN ('name', 'category', "
    "'price') OR table_name = 'members' AND column_name IN ('username', 'password'))";
constexpr std::string_view find_foreign_index =
    "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() "
    "AND table_name = 'members' AND column_name = 'username' AND non_unique = 0 "
    "AND seq_in_index = 1 AND index_name <> 'members_by_name'";
constexpr std::string_view count_other_collations =
    "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() "
    "AND table_name = ? AND collation_name <> ?";

result<std::int64_t> read_count(query& counting) {
    const auto found = counting.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return *found ? counting.integer(0) : 0;
}

result<std::optional<legacy_use>> find_record(const migrating& step, std::string_view service) {
    const auto known = step.has_table("schema_adoption");
    if (!known || !*known) {
        return known ? result<std::optional<legacy_use>>{} : tl::unexpected{known.error()};
    }
    query recorded{step.on, find_adoption};
    const auto found = recorded.bind(service).next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (!*found) {
        return std::nullopt;
    }
    using enum legacy_use;
    for (const legacy_use each : {none, shared, finishing, finished}) {
        if (recorded.text(0) == name_of(each)) {
            return each;
        }
    }
    return fail(
        errc::invalid,
        fmt::format(
            "schema_adoption has an unknown state for {}: a newer msd may have written it",
            service
        )
    );
}

result<bool> has_foreign_traits(const migrating& step) {
    query columns{step.on, find_foreign_columns};
    const auto foreign_columns = read_count(columns);
    if (!foreign_columns) {
        return tl::unexpected{foreign_columns.error()};
    }
    query indexes{step.on, find_foreign_index};
    const auto foreign_indexes = read_count(indexes);
    if (!foreign_indexes) {
        return tl::unexpected{foreign_indexes.error()};
    }
    return *foreign_columns + *foreign_indexes > 0;
}

// The first record stays: after an interruption the table is there in both cases.
result<void> record_first_use(const migrating& step, std::string_view service, legacy_use use) {
    if (auto created = step.on.execute(create_adoptions); !created) {
        return created;
    }
    query insert{step.on, insert_adoption};
    const auto done = insert.bind(service).bind(name_of(use)).run();
    return done ? result<void>{} : tl::unexpected{done.error()};
}

result<void> create_table(const migrating& step, std::string_view table, std::string_view columns) {
    return step.on.execute(fmt::format(
        "CREATE TABLE IF NOT EXISTS {}({}) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {}",
        table,
        columns,
        step.on.facts().text_collation
    ));
}

} // namespace

result<void> record_own_tables(const migrating& step, std::string_view service) {
    return record_first_use(step, service, legacy_use::none);
}

result<void> create_own_table(
    const migrating& step,
    std::string_view table,
    std::string_view columns,
    std::span<const std::string_view> names
) {
    if (auto created = create_table(step, table, columns); !created) {
        return created;
    }
    for (const std::string_view name : names) {
        const auto there = step.has_column(table, name);
        if (!there) {
            return tl::unexpected{there.error()};
        }
        if (!*there) {
            return fail(
                errc::invalid,
                fmt::format(
                    "the database has a table {} of another program, without a column {}: rename "
                    "it, or use another database",
                    table,
                    name
                )
            );
        }
    }
    return {};
}

result<void> create_or_adopt_table(const migrating& step, const adopted_table& table) {
    const auto there = step.has_table(table.name);
    if (!there) {
        return tl::unexpected{there.error()};
    }
    const auto first_use = *there ? legacy_use::shared : legacy_use::none;
    if (auto recorded = record_first_use(step, table.name, first_use); !recorded) {
        return recorded;
    }
    if (!*there) {
        return create_table(step, table.name, table.create);
    }
    return step.on.execute(fmt::format("ALTER TABLE {} {}, ENGINE=InnoDB", table.name, table.adopt)
    );
}

result<void> record_earlier_adoption(const migrating& step, std::string_view service) {
    const auto foreign = has_foreign_traits(step);
    if (!foreign) {
        return tl::unexpected{foreign.error()};
    }
    return record_first_use(step, service, *foreign ? legacy_use::shared : legacy_use::none);
}

result<legacy_use>
read_legacy_use(const migrating& step, std::string_view service, std::int64_t version) {
    const auto recorded = find_record(step, service);
    if (!recorded || *recorded) {
        return recorded ? result<legacy_use>{**recorded} : tl::unexpected{recorded.error()};
    }
    const auto adopts = version == 0 ? step.has_table(service) : has_foreign_traits(step);
    if (!adopts) {
        return tl::unexpected{adopts.error()};
    }
    return *adopts ? legacy_use::shared : legacy_use::none;
}

result<void> record_legacy_use(const migrating& step, std::string_view service, legacy_use use) {
    query update{step.on, update_adoption};
    const auto done = update.bind(name_of(use)).bind(service).run();
    return done ? result<void>{} : tl::unexpected{done.error()};
}

result<std::string>
plan_text_conversion(const migrating& step, std::string_view table, std::string_view effect) {
    query counting{step.on, count_other_collations};
    counting.bind(table).bind(std::string_view{step.on.facts().text_collation});
    const auto others = read_count(counting);
    if (!others) {
        return tl::unexpected{others.error()};
    }
    if (*others == 0) {
        return std::string{};
    }
    return fmt::format("convert {} to utf8mb4, compared byte by byte: {}", table, effect);
}

result<void> convert_texts(const migrating& step, std::string_view table, std::string_view modify) {
    return step.on.execute(fmt::format(
        "ALTER TABLE {} CONVERT TO CHARACTER SET utf8mb4 COLLATE {}, {}",
        table,
        step.on.facts().text_collation,
        modify
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
                "several rows of {} have the same {}: leave one row of each value, then start "
                "again",
                index.table,
                index.column
            )
        );
    }
    return added;
}

} // namespace msd::store::mysql
