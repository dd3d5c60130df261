// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/goods_table.hpp"

#include "store/entity_work.hpp"
#include "store/goods_events.hpp"
#include "store/goods_trading.hpp"
#include "store/goods_voting.hpp"
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

constexpr std::string_view version_3 = R"(
CREATE TABLE goods_votes(
    goodsid INTEGER NOT NULL,
    userid INTEGER NOT NULL,
    opinion INTEGER NOT NULL,
    stars INTEGER NOT NULL,
    PRIMARY KEY(goodsid, userid)
) WITHOUT ROWID;
CREATE TABLE goods_summary(
    goodsid INTEGER PRIMARY KEY,
    likes INTEGER NOT NULL,
    dislikes INTEGER NOT NULL,
    ratings INTEGER NOT NULL,
    stars INTEGER NOT NULL,
    by_likes INTEGER NOT NULL,
    by_rating INTEGER NOT NULL
);
CREATE INDEX goods_summary_by_likes ON goods_summary(by_likes, goodsid);
CREATE INDEX goods_summary_by_rating ON goods_summary(by_rating, goodsid);
)";

constexpr std::string_view version_4 = R"(
CREATE TABLE goods_trade(
    goodsid INTEGER PRIMARY KEY,
    stock INTEGER,
    by_sales INTEGER NOT NULL
);
CREATE INDEX goods_trade_by_sales ON goods_trade(by_sales, goodsid);
)";

const std::array<std::string_view, 6> migrations{
    version_1,
    idempotency_schema,
    version_3,
    version_4,
    handled_sql<backend, goods_entity>::create_embedded,
    outbox_sql<goods_entity>::create_embedded};

#define MSD_SELECT_GOODS                                                                           \
    "SELECT id, name, category, price_e4, description, " MSD_BESIDE_GOODS                          \
    " FROM goods" MSD_VOTES_OF_GOODS MSD_TRADE_OF_GOODS

constexpr std::string_view list_all = MSD_SELECT_GOODS " WHERE id > ? ORDER BY id LIMIT ?";
constexpr std::string_view list_category =
    MSD_SELECT_GOODS " WHERE category = ? AND id > ? ORDER BY id LIMIT ?";
constexpr std::string_view find_one = MSD_SELECT_GOODS " WHERE id = ?";
constexpr std::string_view lock_one = "SELECT id FROM goods WHERE id = ?"; // the only writer

// In the order of the index of goods_summary or goods_trade: the join keeps it.
#define MSD_RANK(key, only)                                                                        \
    "SELECT id, name, category, price_e4, description, " MSD_BESIDE_GOODS                          \
    " FROM goods_summary s CROSS JOIN goods ON id = s.goodsid" MSD_TRADE_OF_GOODS " WHERE s." key  \
    " < 0" only " ORDER BY s." key ", s.goodsid LIMIT ?"
#define MSD_RANK_SALES(only)                                                                       \
    "SELECT id, name, category, price_e4, description, " MSD_BESIDE_GOODS                          \
    " FROM goods_trade t CROSS JOIN goods ON id = t.goodsid" MSD_VOTES_OF_GOODS                    \
    " WHERE t.by_sales < 0" only " ORDER BY t.by_sales, t.goodsid LIMIT ?"

constexpr ranking_statements rankings{
    {{MSD_RANK("by_likes", ""), MSD_RANK("by_likes", " AND category = ?")},
     {MSD_RANK("by_rating", ""), MSD_RANK("by_rating", " AND category = ?")},
     {MSD_RANK_SALES(""), MSD_RANK_SALES(" AND category = ?")}}};

result<page> read_page(connection& on, const goods_query& wanted, goods_writer write) {
    page_builder builder{wanted.rows};
    query rows{on, wanted.category ? list_category : list_all};
    if (wanted.category) {
        rows.bind(*wanted.category);
    }
    rows.bind(wanted.rows.after).bind(builder.rows_to_read());
    return store::read_page(rows, std::move(builder), goods_view_of<query>, write);
}

// `id`: of the row, which was written, or why it was not; returns it.
result<std::int64_t> with_stock(connection& on, const goods_row& row, result<std::int64_t> id) {
    if (!id || (row.id == 0 && !row.fields.stock)) {
        return id;
    }
    auto done = store_stock<backend>(on, *id, row.fields.stock);
    return done ? std::move(id) : tl::unexpected{std::move(done.error())};
}

// In the transaction of a change: puts its event into the outbox. `id`: of the product, or why it
// was not changed; returns it.
result<std::int64_t>
with_event(connection& on, result<std::int64_t> id, std::string_view change, std::int64_t now_ms) {
    auto added = id ? announce_goods<query>(on, *id, change, now_ms) : result<void>{};
    return added ? std::move(id) : tl::unexpected{std::move(added.error())};
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
        query rows{on, find_one};
        return read_goods(rows.bind(id));
    };
    return database_->read(until, work);
}

asio::awaitable<result<std::int64_t>>
goods_table::add(goods_fields fields, std::optional<idempotency> once, deadline until) {
    auto work = [this, row = goods_row{.fields = std::move(fields)}](connection& on) {
        auto id = with_stock(on, row, insert_row<goods_entity, query>(on, row));
        return with_event(on, std::move(id), "added", database_->now_ms());
    };
    return database_->write_once(std::move(once), until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
goods_table::replace(goods_row row, std::optional<idempotency> once, deadline until) {
    auto work = [this, row = std::move(row)](connection& on) {
        auto id = with_stock(on, row, update_row<goods_entity, query>(on, row));
        return with_event(on, std::move(id), "replaced", database_->now_ms());
    };
    return database_->write_once(std::move(once), until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
goods_table::remove(std::int64_t id, std::optional<idempotency> once, deadline until) {
    auto work = [this, id](connection& on) -> result<std::int64_t> {
        auto removed = remove_row<goods_entity, query>(on, id);
        auto done = removed ? remove_all_votes<query>(on, id) : result<void>{};
        if (done) {
            done = remove_trade_of<backend>(on, id);
        }
        if (done && *removed > 0) {
            done = announce_goods<query>(on, id, "removed", database_->now_ms());
        }
        return done ? std::move(removed) : tl::unexpected{std::move(done.error())};
    };
    return database_->write_once(std::move(once), until, work);
}

asio::awaitable<result<std::int64_t>>
goods_table::vote(goods_vote given, std::optional<idempotency> once, deadline until) {
    auto work = [given](connection& on) {
        return count_vote<query>(on, lock_one, given);
    };
    return database_->write_once(std::move(once), until, work);
}

asio::awaitable<result<page>>
goods_table::rank(goods_ranking wanted, goods_writer write, deadline until) {
    auto work = [wanted = std::move(wanted), write](connection& on) {
        return read_ranking<query>(on, rankings, wanted, write);
    };
    return database_->read(until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
goods_table::count_sales(event_batch<goods_sale> made, deadline until) {
    auto work = [made = std::move(made)](connection& on) {
        return count_new_sales<backend>(on, made);
    };
    return database_->write(until, std::move(work));
}

} // namespace msd::store::sqlite
