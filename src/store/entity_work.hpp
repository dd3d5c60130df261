// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/entity.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <type_traits>

// The operations on one row of a described entity, in the same way on every database: to be called
// in the work of a call of a `database`. Query and Connection are the database's.
namespace msd::store {

/// Executes a statement without rows; returns the number of rows that it matched.
template <class Query, class Connection>
result<std::int64_t> run_and_count(Connection& on, Query& statement) {
    const auto done = statement.run();
    if (!done) {
        return tl::unexpected{done.error()};
    }
    if constexpr (std::is_same_v<std::remove_const_t<decltype(done)>, result<void>>) {
        return on.changes();
    } else {
        return *done;
    }
}

/// Returns the new id; that of `what` does not matter.
template <class Entity, class Query, class Connection>
result<std::int64_t> insert_row(Connection& on, const typename Entity::row& what) {
    Query insert{on, entity_sql<Entity>::insert};
    if (const auto done = bind_values<Entity>(insert, what).run(); !done) {
        return tl::unexpected{done.error()};
    }
    return on.last_inserted_id();
}

/// Replaces all columns; returns the id. errc::not_found.
template <class Entity, class Query, class Connection>
result<std::int64_t> update_row(Connection& on, const typename Entity::row& what) {
    Query update{on, entity_sql<Entity>::update};
    bind_values<Entity>(update, what).bind(what.id);
    const auto matched = run_and_count(on, update);
    if (matched && *matched == 0) {
        return fail(errc::not_found, fmt::format("no such {}", Entity::service));
    }
    return matched ? result<std::int64_t>{what.id} : matched;
}

/// Returns the number of removed rows: 1 or 0.
template <class Entity, class Query, class Connection>
result<std::int64_t> remove_row(Connection& on, std::int64_t id) {
    Query remove{on, entity_sql<Entity>::remove};
    return run_and_count(on, remove.bind(id));
}

/// errc::not_found.
template <class Entity, class Query, class Connection>
result<typename Entity::row> find_row(Connection& on, std::int64_t id) {
    Query rows{on, entity_sql<Entity>::find};
    const auto found = rows.bind(id).next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (!*found) {
        return fail(errc::not_found, fmt::format("no such {}", Entity::service));
    }
    return read_entity<Entity>(rows);
}

} // namespace msd::store
