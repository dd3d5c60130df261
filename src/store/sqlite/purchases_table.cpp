// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/purchases_table.hpp"

#include "store/entity_work.hpp"
#include "store/purchase_events.hpp"
#include "store/row_reading.hpp"

#include <array>
#include <cstddef>
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

const std::array<std::string_view, 3> migrations{
    version_1,
    idempotency_schema,
    outbox_sql<purchases_entity>::create_embedded};

constexpr std::size_t userid_column = 0; // in the description

result<page>
read_page(connection& on, std::int64_t userid, const page_query& wanted, purchase_writer write) {
    page_builder builder{wanted};
    query rows{on, entity_sql<purchases_entity>::list_by<userid_column>};
    rows.bind(userid).bind(wanted.after).bind(builder.rows_to_read());
    const auto row_of = read_entity<purchases_entity, query>;
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
    auto work = [this, fields](connection& on) {
        const purchase_row row{.fields = fields, .date_ms = database_->now_ms()};
        return announced<query>(on, row, insert_row<purchases_entity, query>(on, row));
    };
    return database_->write_once(std::move(once), until, work);
}

asio::awaitable<result<std::optional<std::int64_t>>>
purchases_table::recall(idempotency once, deadline until) {
    return database_->recall(std::move(once), until);
}

} // namespace msd::store::sqlite
