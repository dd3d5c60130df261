// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/entity.hpp"
#include "store/mysql/adoption.hpp"
#include "store/mysql/database.hpp"
#include "store/mysql/idempotency_table.hpp"
#include "store/mysql/migrations.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace msd::store::mysql {

namespace backend_parts {

inline std::string type_of(std::type_identity<std::string> /*of*/, const column& each) {
    return fmt::format("VARCHAR({})", each.length_max);
}
inline std::string type_of(std::type_identity<double> /*of*/, const column&) {
    return "DOUBLE";
}
inline std::string type_of(std::type_identity<std::int64_t> /*of*/, const column&) {
    return "BIGINT";
}

template <class Entity>
result<void> create(const migrating& step) {
    std::string columns{"id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, "};
    const auto described = entity_parts::definitions<Entity>([](auto of, const column& each) {
        return type_of(of, each);
    });
    columns += described.view();
    std::array<std::string_view, Entity::columns.size()> names;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const column& each = Entity::columns[i];
        names[i] = each.name;
        if (each.is_indexed) {
            columns += fmt::format(", KEY {}_by_{} ({})", Entity::service, each.name, each.name);
        }
    }
    auto recorded = record_own_tables(step, Entity::service);
    return recorded ? create_own_table(step, Entity::service, columns, names) : recorded;
}

} // namespace backend_parts

// MySQL and MariaDB, as a parameter of repositories whose statements are equal on every database
// (store/own_table.hpp).
struct backend {
    using connection = mysql::connection;
    using query = mysql::query;
    using database = mysql::database;
    using schema = mysql::schema;

    // What a call reads or writes, for servers with replicas.
    using thing = mysql::thing;
    static constexpr std::uint64_t added = new_thing;
    static thing one(std::int64_t id) { return thing_of(id); }

    /// As published, the description never changes: further columns need a step of their own.
    template <class Entity>
    static schema schema_of() {
        static constexpr std::array<migration, 2> migrations{
            migration{"create the table", backend_parts::create<Entity>},
            idempotency_migration};
        return {.service = Entity::service, .migrations = migrations};
    }

    template <class F>
    static auto read(database& on, thing what, deadline until, F work) {
        return on.read(what, until, std::move(work));
    }

    template <class F>
    static auto
    write_once(database& on, thing what, std::optional<idempotency> once, deadline until, F work) {
        return on.write_once(what, std::move(once), until, std::move(work));
    }
};

} // namespace msd::store::mysql
