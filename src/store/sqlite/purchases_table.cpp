// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/purchases_table.hpp"

#include "store/row_reading.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace msd::store::sqlite {

namespace {

constexpr std::string_view version_1 = R"(
CREATE TABLE purchases(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    userid INTEGER NOT NULL,
    goodsid INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    price_e4 INTEGER,
    date_ms INTEGER NOT NULL
);
CREATE INDEX purchases_by_user ON purchases(userid, id);
)";

const std::array<std::string_view, 2> migrations{version_1, idempotency_schema};

constexpr std::string_view list_of_user =
    "SELECT id, goodsid, quantity, price_e4, date_ms FROM purchases WHERE userid = ? AND id > ? "
    "ORDER BY id LIMIT ?";
constexpr std::string_view insert_one =
    "INSERT INTO purchases(userid, goodsid, quantity, price_e4, date_ms) VALUES (?, ?, ?, ?, ?)";

result<page>
read_page(connection& on, std::int64_t userid, const page_query& wanted, purchase_writer write) {
    page_builder builder{wanted};
    query rows{on, list_of_user};
    rows.bind(userid).bind(wanted.after).bind(builder.rows_to_read());
    const auto row_of = [userid](const query& row) {
        return purchase_of(row, userid);
    };
    return store::read_page(rows, std::move(builder), row_of, write);
}

} // namespace

schema purchases_table::wanted_schema() {
    return {.service = "purchases", .migrations = migrations};
}

asio::awaitable<result<page>> purchases_table::list(
    std::int64_t userid,
    page_query query,
    purchase_writer write,
    deadline until
) {
    auto work = [userid, wanted = query, write](connection& on) {
        return read_page(on, userid, wanted, write);
    };
    return database_->read(until, work);
}

asio::awaitable<result<std::int64_t>>
purchases_table::add(purchase_fields fields, std::optional<idempotency> once, deadline until) {
    auto work = [this, fields](connection& on) -> result<std::int64_t> {
        std::optional<std::int64_t> price_e4;
        if (fields.price) {
            price_e4 = fields.price->e4();
        }
        query insert{on, insert_one};
        insert.bind(fields.userid).bind(fields.goodsid).bind(fields.quantity).bind(price_e4);
        if (const auto done = insert.bind(database_->now_ms()).run(); !done) {
            return tl::unexpected{done.error()};
        }
        return on.last_inserted_id();
    };
    return database_->write_once(std::move(once), until, work);
}

asio::awaitable<result<std::optional<std::int64_t>>>
purchases_table::recall(idempotency once, deadline until) {
    return database_->recall(std::move(once), until);
}

} // namespace msd::store::sqlite
