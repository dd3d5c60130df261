// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/nearest.hpp"
#include "store/own_table.hpp"
#include "store/places_repository.hpp"

#include <memory>
#include <utility>

namespace msd::store {

// places_repository on every database; `On` is sqlite::backend or mysql::backend.
template <class On>
class places_table final : public places_repository {
public:
    [[nodiscard]] static typename On::schema wanted_schema() {
        return On::template schema_of<places_entity>();
    }

    explicit places_table(std::unique_ptr<typename On::database> opened)
        : rows_{std::move(opened)} {}

    asio::awaitable<result<std::int64_t>>
    add(place_fields fields, std::optional<idempotency> once, deadline until) override {
        const auto cell = core::cell_of(fields.at);
        return rows_.add({.fields = std::move(fields), .cell = cell}, std::move(once), until);
    }

    asio::awaitable<result<place_row>> find(std::int64_t id, deadline until) override {
        return rows_.find(id, until);
    }

    asio::awaitable<result<std::int64_t>>
    remove(std::int64_t id, std::optional<idempotency> once, deadline until) override {
        return rows_.remove(id, std::move(once), until);
    }

    asio::awaitable<result<std::vector<near_place>>>
    near(near_query wanted, deadline until) override {
        auto work = [wanted, until](typename On::connection& on) {
            return nearest_places<typename On::query>(on, wanted, until);
        };
        return rows_.read(std::nullopt, until, work);
    }

private:
    own_table<On, places_entity> rows_;
};

} // namespace msd::store
