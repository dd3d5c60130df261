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

/// A step of the schema of a service that handles events (store/handled_events.hpp).
template <class Service>
result<void> create_handled(const migrating& step) {
    static constexpr std::array<std::string_view, 2> notes{"event", "position"};
    auto created = create_own_table(
        step,
        fmt::format("{}_handled", Service::service),
        fmt::format(
            "event VARCHAR(64) NOT NULL PRIMARY KEY, position BIGINT NOT NULL, "
            "KEY {}_handled_by_position (position)",
            Service::service
        ),
        notes
    );
    if (!created) {
        return created;
    }
    static constexpr std::array<std::string_view, 3> state{"id", "generation", "floor"};
    created = create_own_table(
        step,
        fmt::format("{}_consumed", Service::service),
        "id BIGINT NOT NULL PRIMARY KEY, generation BIGINT NOT NULL, floor BIGINT NOT NULL",
        state
    );
    return created ? step.on.execute(fmt::format(
                         "INSERT IGNORE INTO {}_consumed VALUES (1, 0, 0)",
                         Service::service
                     ))
                   : created;
}

/// A step of the schema of a service with an outbox (store/outbox_table.hpp).
template <class Service>
result<void> create_outbox(const migrating& step) {
    static constexpr std::array<std::string_view, 6>
        columns{"id", "event", "type", "subject", "time_ms", "data"};
    auto created = create_own_table(
        step,
        fmt::format("{}_outbox", Service::service),
        "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, event VARCHAR(64) NOT NULL, "
        "type VARCHAR(128) NOT NULL, subject VARCHAR(256) NOT NULL, time_ms BIGINT NOT NULL, "
        "data MEDIUMTEXT NOT NULL",
        columns
    );
    if (!created) {
        return created;
    }
    static constexpr std::array<std::string_view, 3> turn{"id", "holder", "until_ms"};
    created = create_own_table(
        step,
        fmt::format("{}_outbox_turn", Service::service),
        "id BIGINT NOT NULL PRIMARY KEY, holder VARCHAR(64) NOT NULL, until_ms BIGINT NOT NULL",
        turn
    );
    return created ? step.on.execute(fmt::format(
                         "INSERT IGNORE INTO {}_outbox_turn VALUES (1, '', 0)",
                         Service::service
                     ))
                   : created;
}

} // namespace backend_parts

// MySQL and MariaDB, as a parameter of repositories whose statements are equal on every database
// (store/own_table.hpp).
struct backend {
    using connection = mysql::connection;
    using query = mysql::query;
    using database = mysql::database;
    using schema = mysql::schema;

    // Parts of statements.
    static constexpr std::string_view for_update = " FOR UPDATE";
    static constexpr std::string_view insert_ignore = "INSERT IGNORE INTO ";

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

    /// As read(), and sees all committed writes.
    template <class F>
    static auto read_latest(database& on, deadline until, F work) {
        return on.read_latest(until, std::move(work));
    }

    /// A write that concerns nothing that read() reads.
    template <class F>
    static auto write(database& on, deadline until, F work) {
        return on.write(thing_of(std::string_view{"beside"}), until, std::move(work));
    }

    template <class F>
    static auto
    write_once(database& on, thing what, std::optional<idempotency> once, deadline until, F work) {
        return on.write_once(what, std::move(once), until, std::move(work));
    }
};

} // namespace msd::store::mysql
