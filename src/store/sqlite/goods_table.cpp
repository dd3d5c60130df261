// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/goods_table.hpp"

#include "store/entity_work.hpp"
#include "store/row_reading.hpp"

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace msd::store::sqlite {

namespace {

// AUTOINCREMENT: the id of a removed product must never be reused, because purchases refer to it.
constexpr std::string_view version_1 = R"(
CREATE TABLE goods(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    price_e4 INTEGER NOT NULL,
    description TEXT NOT NULL
);
CREATE INDEX goods_by_category ON goods(category, id);
)";

const std::array<std::string_view, 2> migrations{version_1, idempotency_schema};

using sql = entity_sql<goods_entity>;
constexpr std::size_t category = 1; // its column in the description

result<page> read_page(connection& on, const goods_query& wanted, goods_writer write) {
    page_builder builder{wanted.rows};
    query rows{on, wanted.category ? sql::list_by<category> : sql::list};
    if (wanted.category) {
        rows.bind(*wanted.category);
    }
    rows.bind(wanted.rows.after).bind(builder.rows_to_read());
    return store::read_page(rows, std::move(builder), goods_view_of<query>, write);
}

} // namespace

schema goods_table::wanted_schema() {
    return {.service = "goods", .migrations = migrations};
}

asio::awaitable<result<page>>
goods_table::list(goods_query query, goods_writer write, deadline until) {
    auto work = [wanted = std::move(query), write](connection& on) {
        return read_page(on, wanted, write);
    };
    return database_->read(until, std::move(work));
}

asio::awaitable<result<goods_row>> goods_table::find(std::int64_t id, deadline until) {
    auto work = [id](connection& on) {
        return find_row<goods_entity, query>(on, id);
    };
    return database_->read(until, work);
}

asio::awaitable<result<std::int64_t>>
goods_table::add(goods_fields fields, std::optional<idempotency> once, deadline until) {
    auto work = [row = goods_row{.fields = std::move(fields)}](connection& on) {
        return insert_row<goods_entity, query>(on, row);
    };
    return database_->write_once(std::move(once), until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
goods_table::replace(goods_row row, std::optional<idempotency> once, deadline until) {
    auto work = [row = std::move(row)](connection& on) {
        return update_row<goods_entity, query>(on, row);
    };
    return database_->write_once(std::move(once), until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
goods_table::remove(std::int64_t id, std::optional<idempotency> once, deadline until) {
    auto work = [id](connection& on) {
        return remove_row<goods_entity, query>(on, id);
    };
    return database_->write_once(std::move(once), until, work);
}

} // namespace msd::store::sqlite
