// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/goods_table.hpp"

#include "store/goods_events.hpp"
#include "store/goods_trading.hpp"
#include "store/goods_voting.hpp"
#include "store/mysql/adoption.hpp"
#include "store/row_reading.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace msd::store::mysql {

namespace {

result<void> create_or_adopt(const migrating& step) {
    return create_or_adopt_table(
        step,
        {.name = "goods",
         .create = "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(128), "
                   "category VARCHAR(128), price INT, description MEDIUMTEXT",
         .adopt = "MODIFY id BIGINT NOT NULL AUTO_INCREMENT"}
    );
}

result<void> record_adoption(const migrating& step) {
    return record_earlier_adoption(step, "goods");
}

result<std::string> plan_conversion(const migrating& step) {
    return plan_text_conversion(
        step,
        "goods",
        "a category then finds only products of exactly this category"
    );
}

result<void> convert(const migrating& step) {
    return convert_texts(step, "goods", "MODIFY description MEDIUMTEXT");
}

// Rows without price_e4 were written by nodes of an existing deployment; their price is a whole
// number.
result<void> add_exact_price(const migrating& step) {
    constexpr std::array columns{added_column{"goods", "price_e4", "BIGINT NULL"}};
    return add_columns(step, columns);
}

result<void> index_categories(const migrating& step) {
    return add_index(step, {.table = "goods", .column = "category", .name = "goods_by_category"});
}

result<void> create_votes(const migrating& step) {
    static constexpr std::array<std::string_view, 4> vote{"goodsid", "userid", "opinion", "stars"};
    auto created = create_own_table(
        step,
        "goods_votes",
        "goodsid BIGINT NOT NULL, userid BIGINT NOT NULL, opinion BIGINT NOT NULL, "
        "stars BIGINT NOT NULL, PRIMARY KEY(goodsid, userid)",
        vote
    );
    if (!created) {
        return created;
    }
    static constexpr std::array<std::string_view, 7>
        summary{"goodsid", "likes", "dislikes", "ratings", "stars", "by_likes", "by_rating"};
    return create_own_table(
        step,
        "goods_summary",
        "goodsid BIGINT NOT NULL PRIMARY KEY, likes BIGINT NOT NULL, dislikes BIGINT NOT NULL, "
        "ratings BIGINT NOT NULL, stars BIGINT NOT NULL, by_likes BIGINT NOT NULL, "
        "by_rating BIGINT NOT NULL, KEY goods_summary_by_likes (by_likes, goodsid), "
        "KEY goods_summary_by_rating (by_rating, goodsid)",
        summary
    );
}

result<void> create_trade(const migrating& step) {
    static constexpr std::array<std::string_view, 3> trade{"goodsid", "stock", "by_sales"};
    return create_own_table(
        step,
        "goods_trade",
        "goodsid BIGINT NOT NULL PRIMARY KEY, stock BIGINT NULL, by_sales BIGINT NOT NULL, "
        "KEY goods_trade_by_sales (by_sales, goodsid)",
        trade
    );
}

const std::array<migration, 9> migrations{
    migration{"create goods, or adopt the existing one: wide ids", create_or_adopt},
    migration{"add the exact price, price_e4, to goods", add_exact_price},
    migration{"index goods by category", index_categories},
    idempotency_migration,
    migration{"record whether goods was adopted", record_adoption},
    migration{"create the tables of likes and ratings of goods", create_votes},
    migration{"create the table of stock and sales of goods", create_trade},
    migration{
        "create the table of handled events of goods",
        backend_parts::create_handled<goods_entity>},
    migration{"create the outbox of goods", backend_parts::create_outbox<goods_entity>}};

const std::array<finishing_step, 1> finishing{finishing_step{plan_conversion, convert}};

#define MSD_SELECT_GOODS                                                                           \
    "SELECT id, name, category, " MSD_EXACT_PRICE ", description, " MSD_BESIDE_GOODS               \
    " FROM goods" MSD_VOTES_OF_GOODS MSD_TRADE_OF_GOODS

constexpr std::string_view list_all = MSD_SELECT_GOODS " WHERE id > ? ORDER BY id LIMIT ?";
constexpr std::string_view list_category =
    MSD_SELECT_GOODS " WHERE category = ? AND id > ? ORDER BY id LIMIT ?";
constexpr std::string_view find_one = MSD_SELECT_GOODS " WHERE id = ?";
constexpr std::string_view lock_one = "SELECT id FROM goods WHERE id = ? FOR UPDATE";

// In the order of the index of goods_summary or goods_trade: the join keeps it.
#define MSD_RANK(key, only)                                                                        \
    "SELECT id, name, category, " MSD_EXACT_PRICE ", description, " MSD_BESIDE_GOODS               \
    " FROM goods_summary s FORCE INDEX (goods_summary_" key                                        \
    ") STRAIGHT_JOIN goods ON id = s.goodsid" MSD_TRADE_OF_GOODS " WHERE s." key " < 0" only       \
    " ORDER BY s." key ", s.goodsid LIMIT ?"
#define MSD_RANK_SALES(only)                                                                       \
    "SELECT id, name, category, " MSD_EXACT_PRICE ", description, " MSD_BESIDE_GOODS               \
    " FROM goods_trade t FORCE INDEX (goods_trade_by_sales) STRAIGHT_JOIN goods ON id = "          \
    "t.goodsid" MSD_VOTES_OF_GOODS " WHERE t.by_sales < 0" only                                    \
    " ORDER BY t.by_sales, t.goodsid LIMIT ?"

constexpr ranking_statements rankings{
    {{MSD_RANK("by_likes", ""), MSD_RANK("by_likes", " AND category = ?")},
     {MSD_RANK("by_rating", ""), MSD_RANK("by_rating", " AND category = ?")},
     {MSD_RANK_SALES(""), MSD_RANK_SALES(" AND category = ?")}}};
constexpr std::string_view insert_one =
    "INSERT INTO goods(name, category, price_e4, price, description) VALUES (?, ?, ?, ?, ?)";
constexpr std::string_view update_one =
    "UPDATE goods SET name = ?, category = ?, price_e4 = ?, price = ?, description = ? "
    "WHERE id = ?";
constexpr std::string_view delete_one = "DELETE FROM goods WHERE id = ?";

// The driver keeps all rows of a result in memory, and each may have 64 KiB.
constexpr std::int64_t rows_at_once = 100;

// MSD_WHOLE_PRICE, for a value that is bound.
std::int64_t whole_price(money exact) {
    constexpr std::int64_t half = money::scale / 2;
    const std::int64_t e4 = exact.e4();
    const std::int64_t rounded = (e4 + (e4 < 0 ? -half : half)) / money::scale;
    return std::clamp<std::int64_t>(
        rounded,
        std::numeric_limits<std::int32_t>::min(),
        std::numeric_limits<std::int32_t>::max()
    );
}

result<page> read_page(connection& on, const goods_query& wanted, goods_writer write) {
    page_builder builder{wanted.rows};
    std::int64_t after = wanted.rows.after;
    for (;;) {
        const std::int64_t asked = std::min(builder.rows_to_read(), rows_at_once);
        query rows{on, wanted.category ? list_category : list_all};
        if (wanted.category) {
            rows.bind(*wanted.category);
        }
        rows.bind(after).bind(asked);
        const auto added = add_rows(rows, builder, goods_view_of<query>, write);
        if (!added && on.forget_unfit()) {
            return builder.take();
        }
        if (!added) {
            return tl::unexpected{added.error()};
        }
        if (builder.is_full() || *added < asked) {
            return builder.take();
        }
        after = builder.last_id();
    }
}

result<goods_row> read_one(connection& on, std::int64_t id) {
    query rows{on, find_one};
    return read_goods(rows.bind(id));
}

query& bind_fields(query& statement, const goods_fields& fields) {
    return statement.bind(fields.name)
        .bind(fields.category)
        .bind(fields.price.e4())
        .bind(whole_price(fields.price))
        .bind(fields.description);
}

result<std::int64_t> stocked(connection& on, std::int64_t id, std::optional<std::int64_t> stock) {
    auto done = store_stock<backend>(on, id, stock);
    return done ? result<std::int64_t>{id} : tl::unexpected{std::move(done.error())};
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
    return {.service = "goods", .migrations = migrations, .finishing = finishing};
}

asio::awaitable<result<page>>
goods_table::list(goods_query query, goods_writer write, deadline until) {
    auto work = [wanted = std::move(query), write](connection& on) {
        return read_page(on, wanted, write);
    };
    return database_->read(std::nullopt, until, std::move(work));
}

asio::awaitable<result<goods_row>> goods_table::find(std::int64_t id, deadline until) {
    auto work = [id](connection& on) {
        return read_one(on, id);
    };
    return database_->read(thing_of(id), until, work);
}

asio::awaitable<result<std::int64_t>>
goods_table::add(goods_fields fields, std::optional<idempotency> once, deadline until) {
    auto work = [this, fields = std::move(fields)](connection& on) -> result<std::int64_t> {
        query insert{on, insert_one};
        if (const auto done = bind_fields(insert, fields).run(); !done) {
            return done;
        }
        auto id = on.last_inserted_id();
        if (id && fields.stock) {
            id = stocked(on, *id, fields.stock);
        }
        return with_event(on, std::move(id), "added", database_->now_ms());
    };
    return database_->write_once(new_thing, std::move(once), until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
goods_table::replace(goods_row row, std::optional<idempotency> once, deadline until) {
    const auto what = thing_of(row.id);
    auto work = [this, row = std::move(row)](connection& on) -> result<std::int64_t> {
        query update{on, update_one};
        auto met = bind_fields(update, row.fields).bind(row.id).run();
        if (!met) {
            return met;
        }
        if (*met == 0) {
            return fail(errc::not_found, "no such goods");
        }
        auto id = stocked(on, row.id, row.fields.stock);
        return with_event(on, std::move(id), "replaced", database_->now_ms());
    };
    return database_->write_once(what, std::move(once), until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
goods_table::remove(std::int64_t id, std::optional<idempotency> once, deadline until) {
    auto work = [this, id](connection& on) -> result<std::int64_t> {
        auto removed = query{on, delete_one}.bind(id).run();
        auto done = removed ? remove_all_votes<query>(on, id) : result<void>{};
        if (done) {
            done = remove_trade_of<backend>(on, id);
        }
        if (done && *removed > 0) {
            done = announce_goods<query>(on, id, "removed", database_->now_ms());
        }
        return done ? std::move(removed) : tl::unexpected{std::move(done.error())};
    };
    return database_->write_once(thing_of(id), std::move(once), until, work);
}

asio::awaitable<result<std::int64_t>>
goods_table::vote(goods_vote given, std::optional<idempotency> once, deadline until) {
    auto work = [given](connection& on) {
        return count_vote<query>(on, lock_one, given);
    };
    return database_->write_once(thing_of(given.goodsid), std::move(once), until, work);
}

asio::awaitable<result<page>>
goods_table::rank(goods_ranking wanted, goods_writer write, deadline until) {
    auto work = [wanted = std::move(wanted), write](connection& on) {
        auto rows = read_ranking<query>(on, rankings, wanted, write);
        return !rows && on.forget_unfit() ? result<page>{page{}} : std::move(rows);
    };
    return database_->read(std::nullopt, until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
goods_table::count_sales(event_batch<goods_sale> made, deadline until) {
    auto work = [made = std::move(made)](connection& on) {
        return count_new_sales<backend>(on, made);
    };
    return database_->write(new_thing, until, std::move(work));
}

} // namespace msd::store::mysql
