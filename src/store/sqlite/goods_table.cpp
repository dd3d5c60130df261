// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/goods_table.hpp"

#include "store/row_reading.hpp"

#include <array>
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

constexpr std::string_view list_all =
    "SELECT id, name, category, price_e4, description FROM goods WHERE id > ? "
    "ORDER BY id LIMIT ?";
constexpr std::string_view list_category =
    "SELECT id, name, category, price_e4, description FROM goods WHERE category = ? AND id > ? "
    "ORDER BY id LIMIT ?";
constexpr std::string_view find_one =
    "SELECT id, name, category, price_e4, description FROM goods WHERE id = ?";
constexpr std::string_view insert_one =
    "INSERT INTO goods(name, category, price_e4, description) VALUES (?, ?, ?, ?)";
constexpr std::string_view update_one =
    "UPDATE goods SET name = ?, category = ?, price_e4 = ?, description = ? WHERE id = ?";
constexpr std::string_view delete_one = "DELETE FROM goods WHERE id = ?";

result<page> read_page(connection& on, const goods_query& wanted, goods_writer write) {
    page_builder builder{wanted.rows};
    query rows{on, wanted.category ? list_category : list_all};
    if (wanted.category) {
        rows.bind(*wanted.category);
    }
    rows.bind(wanted.rows.after).bind(builder.rows_to_read());
    return store::read_page(rows, std::move(builder), goods_view_of<query>, write);
}

result<goods_row> read_one(connection& on, std::int64_t id) {
    query rows{on, find_one};
    return read_goods(rows.bind(id));
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
        return read_one(on, id);
    };
    return database_->read(until, work);
}

asio::awaitable<result<std::int64_t>>
goods_table::add(goods_fields fields, std::optional<idempotency> once, deadline until) {
    auto work = [fields = std::move(fields)](connection& on) -> result<std::int64_t> {
        query insert{on, insert_one};
        insert.bind(fields.name).bind(fields.category).bind(fields.price.e4());
        if (const auto done = insert.bind(fields.description).run(); !done) {
            return tl::unexpected{done.error()};
        }
        return on.last_inserted_id();
    };
    return database_->write_once(std::move(once), until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
goods_table::replace(goods_row row, std::optional<idempotency> once, deadline until) {
    auto work = [row = std::move(row)](connection& on) -> result<std::int64_t> {
        query update{on, update_one};
        update.bind(row.fields.name).bind(row.fields.category).bind(row.fields.price.e4());
        if (const auto done = update.bind(row.fields.description).bind(row.id).run(); !done) {
            return tl::unexpected{done.error()};
        }
        if (on.changes() == 0) {
            return fail(errc::not_found, "no such goods");
        }
        return row.id;
    };
    return database_->write_once(std::move(once), until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
goods_table::remove(std::int64_t id, std::optional<idempotency> once, deadline until) {
    auto work = [id](connection& on) -> result<std::int64_t> {
        if (const auto done = query{on, delete_one}.bind(id).run(); !done) {
            return tl::unexpected{done.error()};
        }
        return on.changes();
    };
    return database_->write_once(std::move(once), until, work);
}

} // namespace msd::store::sqlite
