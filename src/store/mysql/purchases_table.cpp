// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/purchases_table.hpp"

#include "store/mysql/adoption.hpp"
#include "store/purchase_events.hpp"
#include "store/row_reading.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace msd::store::mysql {

namespace {

constexpr std::int64_t rows_at_once = 5000;

result<void> create_or_adopt(const migrating& step) {
    return create_or_adopt_table(
        step,
        {.name = "purchases",
         .create = "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, userid BIGINT, goodsid BIGINT, "
                   "date DATETIME DEFAULT CURRENT_TIMESTAMP",
         .adopt = "MODIFY id BIGINT NOT NULL AUTO_INCREMENT, MODIFY userid BIGINT, "
                  "MODIFY goodsid BIGINT"}
    );
}

result<void> add_new_columns(const migrating& step) {
    constexpr std::array columns{
        added_column{"purchases", "quantity", "BIGINT NOT NULL DEFAULT 1"},
        added_column{"purchases", "price_e4", "BIGINT NULL"},
        added_column{"purchases", "date_utc", "DATETIME(3) NULL"}};
    return add_columns(step, columns);
}

result<void> index_users(const migrating& step) {
    return add_index(step, {.table = "purchases", .column = "userid", .name = "purchases_by_user"});
}

// Checks the time zone of dates written by existing nodes; CONVERT_TZ returns NULL for an unknown
// zone.
constexpr std::string_view check_zone =
    "SELECT 1 FROM DUAL WHERE CONVERT_TZ('2024-01-01 00:00:00', "
    "COALESCE(NULLIF(?, ''), @@global.time_zone), '+00:00') IS NOT NULL";
// Rows with the date 0000-00-00 get no date_utc and are read as 1970.
constexpr std::string_view date_some_rows =
    "UPDATE purchases SET date_utc = CONVERT_TZ(date, COALESCE(NULLIF(?, ''), @@global.time_zone), "
    "'+00:00') WHERE id > ? AND id <= ? AND date_utc IS NULL AND date > '1000-01-01'";
constexpr std::string_view last_row =
    "SELECT CAST(COALESCE(MAX(id), 0) AS SIGNED), CAST(COALESCE(MIN(id), 1) AS SIGNED) "
    "FROM purchases WHERE date_utc IS NULL";

result<void> check_legacy_zone(const migrating& step) {
    query zone{step.on, check_zone};
    const auto known = zone.bind(step.legacy_time_zone).next();
    if (!known) {
        return tl::unexpected{known.error()};
    }
    if (!*known) {
        return fail(
            errc::invalid,
            "store.legacy_time_zone: the server does not know the zone; write an offset such as "
            "+09:00, or load its time zone tables"
        );
    }
    return {};
}

// In batches, so that other transactions and the nodes of a cluster never wait for long.
result<void> date_old_rows(const migrating& step) {
    if (auto good = check_legacy_zone(step); !good) {
        return good;
    }
    query last{step.on, last_row};
    const auto found = last.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    for (std::int64_t id = last.integer(1) - 1; id < last.integer(0); id += rows_at_once) {
        query part{step.on, date_some_rows};
        part.bind(step.legacy_time_zone).bind(id).bind(id + rows_at_once);
        if (const auto dated = part.run(); !dated) {
            return tl::unexpected{dated.error()};
        }
    }
    return {};
}

result<void> record_adoption(const migrating& step) {
    return record_earlier_adoption(step, "purchases");
}

const std::array<migration, 7> migrations{
    migration{"create purchases, or adopt the existing one: wide ids", create_or_adopt},
    migration{"add quantity, price and the date in UTC to purchases", add_new_columns},
    migration{"index purchases by member", index_users},
    migration{"date old purchases in UTC, from store.legacy_time_zone", date_old_rows},
    idempotency_migration,
    migration{"record whether purchases was adopted", record_adoption},
    migration{"create the outbox of purchases", backend_parts::create_outbox<purchases_entity>}};

// Rows added by nodes of an existing deployment have no date_utc.
constexpr std::string_view list_of_user =
    "SELECT id, goodsid, quantity, price_e4, CAST(COALESCE(TIMESTAMPDIFF(MICROSECOND, "
    "'1970-01-01', COALESCE(date_utc, CONVERT_TZ(date, COALESCE(NULLIF(?, ''), "
    "@@global.time_zone), '+00:00'))) DIV 1000, 0) AS SIGNED) "
    "FROM purchases WHERE userid = ? AND id > ? ORDER BY id LIMIT ?";
constexpr std::string_view insert_one =
    "INSERT INTO purchases(userid, goodsid, quantity, price_e4, date_utc, date) "
    "VALUES (?, ?, ?, ?, TIMESTAMPADD(MICROSECOND, ?, TIMESTAMP('1970-01-01 00:00:00.000000')), "
    "COALESCE(CONVERT_TZ(date_utc, '+00:00', COALESCE(NULLIF(?, ''), @@global.time_zone)), "
    "date_utc))";

struct list_of_purchases {
    std::int64_t userid;
    page_query rows;
    std::string_view legacy_time_zone;
};

result<page> read_page(connection& on, const list_of_purchases& wanted, purchase_writer write) {
    page_builder builder{wanted.rows};
    query rows{on, list_of_user};
    rows.bind(wanted.legacy_time_zone).bind(wanted.userid).bind(wanted.rows.after);
    rows.bind(builder.rows_to_read());
    const auto row_of = [&wanted](const query& row) {
        return purchase_of(row, wanted.userid);
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
    auto work = [this, userid, query, write](connection& on) {
        return read_page(on, {userid, query, database_->legacy_time_zone()}, write);
    };
    return database_->read(thing_of(userid), until, work);
}

asio::awaitable<result<std::int64_t>>
purchases_table::add(purchase_fields fields, std::optional<idempotency> once, deadline until) {
    auto work = [this, fields](connection& on) -> result<std::int64_t> {
        std::optional<std::int64_t> price_e4;
        if (fields.price) {
            price_e4 = fields.price->e4();
        }
        const purchase_row row{.fields = fields, .date_ms = database_->now_ms()};
        query insert{on, insert_one};
        insert.bind(fields.userid).bind(fields.goodsid).bind(fields.quantity).bind(price_e4);
        insert.bind(row.date_ms * 1000).bind(database_->legacy_time_zone());
        if (const auto done = insert.run(); !done) {
            return done;
        }
        return announced<query>(on, row, on.last_inserted_id());
    };
    return database_->write_once(thing_of(fields.userid), std::move(once), until, work);
}

asio::awaitable<result<std::optional<std::int64_t>>>
purchases_table::recall(idempotency once, deadline until) {
    return database_->recall(std::move(once), until);
}

} // namespace msd::store::mysql
