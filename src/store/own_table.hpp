// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "store/entity.hpp"
#include "store/entity_work.hpp"
#include "store/idempotency.hpp"

#include <asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace msd::store {

// The operations on single rows of an entity whose table is msd's own, with the described columns
// on every database. `On` is sqlite::backend or mysql::backend. Errors: as goods_repository.
template <class On, class Entity>
class own_table {
public:
    using row = typename Entity::row;
    using connection = typename On::connection;
    using query = typename On::query;

    explicit own_table(std::unique_ptr<typename On::database> opened)
        : database_{std::move(opened)} {}

    asio::awaitable<result<row>> find(std::int64_t id, deadline until) {
        auto work = [id](connection& on) {
            return find_row<Entity, query>(on, id);
        };
        return read(On::one(id), until, work);
    }

    /// Returns the new id.
    asio::awaitable<result<std::int64_t>>
    add(row what, std::optional<idempotency> once, deadline until) {
        auto work = [what = std::move(what)](connection& on) {
            return insert_row<Entity, query>(on, what);
        };
        return On::write_once(*database_, On::added, std::move(once), until, std::move(work));
    }

    /// Returns the number of removed rows: 1 or 0.
    asio::awaitable<result<std::int64_t>>
    remove(std::int64_t id, std::optional<idempotency> once, deadline until) {
        auto work = [id](connection& on) {
            return remove_row<Entity, query>(on, id);
        };
        return On::write_once(*database_, On::one(id), std::move(once), until, work);
    }

    /// Runs `work(connection&)`; `what`: On::one(id), or nullopt for several rows.
    template <class F>
    auto read(typename On::thing what, deadline until, F work) {
        return On::read(*database_, what, until, std::move(work));
    }

private:
    std::unique_ptr<typename On::database> database_;
};

} // namespace msd::store
