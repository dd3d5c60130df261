// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/entity.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/idempotency_table.hpp"
#include "store/sqlite/migrations.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace msd::store::sqlite {

namespace backend_parts {

constexpr std::string_view type_of(std::type_identity<std::string> /*of*/, const column&) {
    return "TEXT";
}
constexpr std::string_view type_of(std::type_identity<double> /*of*/, const column&) {
    return "REAL";
}
constexpr std::string_view type_of(std::type_identity<std::int64_t> /*of*/, const column&) {
    return "INTEGER";
}

// AUTOINCREMENT: the id of a removed row is never reused.
template <class Entity>
constexpr entity_parts::compiled_text create() {
    constexpr std::string_view table = Entity::service;
    entity_parts::compiled_text made;
    made.append("CREATE TABLE ").append(table).append("(id INTEGER PRIMARY KEY AUTOINCREMENT, ");
    made.append(entity_parts::definitions<Entity>([](auto of, const column& each) {
        return type_of(of, each);
    }));
    made.append(");");
    for (const column& each : Entity::columns) {
        if (each.is_indexed) {
            made.append("CREATE INDEX ").append(table).append("_by_").append(each.name);
            made.append(" ON ").append(table).append("(").append(each.name).append(");");
        }
    }
    return made;
}

} // namespace backend_parts

// SQLite, as a parameter of repositories whose statements are equal on every database
// (store/own_table.hpp).
struct backend {
    using connection = sqlite::connection;
    using query = sqlite::query;
    using database = sqlite::database;
    using schema = sqlite::schema;

    // Parts of statements. There is one writer at a time, so no row needs a lock.
    static constexpr std::string_view for_update = "";
    static constexpr std::string_view insert_ignore = "INSERT OR IGNORE INTO ";

    // What a call reads or writes. Only servers with replicas need to know.
    using thing = std::nullopt_t;
    static constexpr thing added = std::nullopt;
    static constexpr thing one(std::int64_t /*id*/) { return std::nullopt; }

    /// As published, the description never changes: further columns need a script of their own.
    template <class Entity>
    static schema schema_of() {
        static constexpr std::array<std::string_view, 2> migrations{
            entity_parts::literal<[] {
                return backend_parts::create<Entity>();
            }()>::text,
            idempotency_schema};
        return {.service = Entity::service, .migrations = migrations};
    }

    template <class F>
    static auto read(database& on, thing /*what*/, deadline until, F work) {
        return on.read(until, std::move(work));
    }

    /// As read(), and sees all committed writes.
    template <class F>
    static auto read_latest(database& on, deadline until, F work) {
        return on.read(until, std::move(work));
    }

    /// A write that concerns nothing that read() reads.
    template <class F>
    static auto write(database& on, deadline until, F work) {
        return on.write(until, std::move(work));
    }

    template <class F>
    static auto write_once(
        database& on,
        thing /*what*/,
        std::optional<idempotency> once,
        deadline until,
        F work
    ) {
        return on.write_once(std::move(once), until, std::move(work));
    }
};

} // namespace msd::store::sqlite
