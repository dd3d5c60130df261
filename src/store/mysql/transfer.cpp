// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/transfer.hpp"

#include "store/mysql/connection.hpp"
#include "store/mysql/migrations.hpp"
#include "store/mysql/writable_server.hpp"
#include "store/stored_entities.hpp"
#include "store/transfer_rows.hpp"
#include "store/transfer_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace msd::store::mysql {

namespace {

constexpr milliseconds statement_timeout{60'000}; // large tables take long, and no request waits
constexpr int tries_max = 5;                      // of a batch that is aborted by a deadlock

// The statements select_old read the table of an existing deployment, which lacks msd's columns.
template <class Rows>
struct statements;

// Of a table that only msd has.
template <class Entity>
struct statements<transferred<Entity>> {
    using sql = entity_sql<Entity>;
    static constexpr std::string_view newest_column = "id";
    static constexpr std::string_view select = sql::list;
    static constexpr std::string_view select_old = select;
    static constexpr std::string_view select_one = sql::find;
    static constexpr std::string_view insert = sql::insert_with_id;
    static constexpr std::string_view count = sql::count;
    static constexpr std::string_view last_id = entity_parts::literal<[] {
        return entity_parts::compiled_text{}
            .append("SELECT CAST(COALESCE(MAX(id), 0) AS SIGNED) FROM ")
            .append(Entity::service)
            .append(" WHERE id > ?");
    }()>::text;
};

template <>
struct statements<transferred<goods_entity>> {
    static constexpr std::string_view newest_column = "price_e4";
    static constexpr std::string_view select =
        "SELECT id, name, category, " MSD_EXACT_PRICE
        ", description FROM goods WHERE id > ? ORDER BY id LIMIT ?";
    static constexpr std::string_view select_old =
        "SELECT id, name, category, CAST(COALESCE(price * 10000, 0) AS SIGNED), description "
        "FROM goods WHERE id > ? ORDER BY id LIMIT ?";
    static constexpr std::string_view select_one =
        "SELECT id, name, category, " MSD_EXACT_PRICE ", description FROM goods WHERE id = ?";
    static constexpr std::string_view insert =
        "INSERT INTO goods(id, name, category, price_e4, description, price) "
        "VALUES (?, ?, ?, ?, ?, " MSD_WHOLE_PRICE ")";
    static constexpr std::string_view count = "SELECT COUNT(*) FROM goods WHERE id > ?";
    static constexpr std::string_view last_id =
        "SELECT CAST(COALESCE(MAX(id), 0) AS SIGNED) FROM goods WHERE id > ?";
};

template <>
struct statements<transferred_members> {
    static constexpr std::string_view newest_column = "password_argon2id";
    // msd's own hash is left out when another program has changed the password since.
    static constexpr std::string_view select =
        "SELECT id, username, password, IF(password_argon2id_of = CAST(password AS BINARY), "
        "password_argon2id, NULL) FROM members WHERE id > ? ORDER BY id LIMIT ?";
    static constexpr std::string_view select_old =
        "SELECT id, username, password, CAST(NULL AS CHAR) FROM members WHERE id > ? "
        "ORDER BY id LIMIT ?";
    static constexpr std::string_view select_one =
        "SELECT id, username, password, IF(password_argon2id_of = CAST(password AS BINARY), "
        "password_argon2id, NULL) FROM members WHERE id = ?";
    static constexpr std::string_view insert =
        "INSERT INTO members(id, username, password, password_argon2id, password_argon2id_of) "
        "VALUES (?, ?, ?, NULLIF(?, ''), IF(password_argon2id IS NULL, NULL, password))";
    static constexpr std::string_view count = "SELECT COUNT(*) FROM members WHERE id > ?";
    static constexpr std::string_view last_id =
        "SELECT CAST(COALESCE(MAX(id), 0) AS SIGNED) FROM members WHERE id > ?";
};

// @legacy_zone is the time zone of dates written by existing nodes; set when the table is opened.
template <>
struct statements<transferred<purchases_entity>> {
    static constexpr std::string_view newest_column = "date_utc";
    static constexpr std::string_view select =
        "SELECT id, COALESCE(userid, 0), COALESCE(goodsid, 0), quantity, price_e4, "
        "CAST(COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', COALESCE(date_utc, "
        "CONVERT_TZ(date, @legacy_zone, '+00:00'))) DIV 1000, 0) "
        "AS SIGNED) FROM purchases WHERE id > ? ORDER BY id LIMIT ?";
    static constexpr std::string_view select_old =
        "SELECT id, COALESCE(userid, 0), COALESCE(goodsid, 0), 1, CAST(NULL AS SIGNED), "
        "CAST(COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', CONVERT_TZ(date, "
        "@legacy_zone, '+00:00')) DIV 1000, 0) AS SIGNED) "
        "FROM purchases WHERE id > ? ORDER BY id LIMIT ?";
    static constexpr std::string_view select_one =
        "SELECT id, COALESCE(userid, 0), COALESCE(goodsid, 0), quantity, price_e4, "
        "CAST(COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', COALESCE(date_utc, "
        "CONVERT_TZ(date, @legacy_zone, '+00:00'))) DIV 1000, 0) "
        "AS SIGNED) FROM purchases WHERE id = ?";
    static constexpr std::string_view insert =
        "INSERT INTO purchases(id, userid, goodsid, quantity, price_e4, date_utc, date) "
        "VALUES (?, ?, ?, ?, ?, TIMESTAMPADD(MICROSECOND, ? * 1000, "
        "TIMESTAMP('1970-01-01 00:00:00.000000')), COALESCE(CONVERT_TZ(date_utc, '+00:00', "
        "@legacy_zone), date_utc))";
    static constexpr std::string_view count = "SELECT COUNT(*) FROM purchases WHERE id > ?";
    static constexpr std::string_view last_id =
        "SELECT CAST(COALESCE(MAX(id), 0) AS SIGNED) FROM purchases WHERE id > ?";
};

constexpr std::string_view next_given =
    "SELECT CAST(COALESCE(AUTO_INCREMENT, 1) AS SIGNED) FROM information_schema.tables "
    "WHERE table_schema = DATABASE() AND table_name = ?";

constexpr std::string_view set_zone =
    "SET @legacy_zone = COALESCE(NULLIF(?, ''), @@global.time_zone)";

template <class Rows>
class server_table final : public transfer_table {
public:
    using rows = Rows;
    using sql = statements<Rows>;

    server_table(connection on, bool old) : on_{std::move(on)}, old_{old} {}

    result<std::int64_t> count() override {
        return read_number<query>(on_, sql::count, std::int64_t{0});
    }

    result<std::vector<transfer_row>> read(std::int64_t after) override {
        const auto select = old_ ? sql::select_old : sql::select;
        return read_rows<rows, query>(on_, select, after);
    }

    result<std::int64_t> next_id() override {
        auto next = read_number<query>(on_, next_given, rows::service);
        if (!next) {
            return next;
        }
        auto last = read_number<query>(on_, sql::last_id, std::int64_t{0});
        return last ? result<std::int64_t>{std::max(*next, *last + 1)} : last;
    }

    // All existing rows are compared, which means that they are read.
    result<std::int64_t> resume_after() override { return 0; }

    result<std::size_t> write(std::span<const transfer_row> what) override {
        for (int tries = 1;; ++tries) {
            auto added = write_in_transaction(what);
            const failure* const why = on_.failed();
            const bool gave_way = why != nullptr && why->kind == failure_kind::again;
            if (added || !gave_way || on_.lost() || tries == tries_max) {
                return added;
            }
            on_.forget_failure();
        }
    }

    result<void> finish(std::int64_t next_id) override {
        // An id that was used once is not reused.
        const auto own = this->next_id();
        if (!own || next_id <= *own) {
            return own ? result<void>{} : tl::unexpected{own.error()};
        }
        return on_.execute(fmt::format("ALTER TABLE {} AUTO_INCREMENT = {}", rows::service, next_id)
        );
    }

private:
    result<std::size_t> write_in_transaction(std::span<const transfer_row> what) {
        if (auto begun = on_.begin(); !begun) {
            return tl::unexpected{std::move(begun.error())};
        }
        const auto insert = [this](const typename rows::row& row) -> result<void> {
            query inserting{on_, sql::insert};
            rows::bind(inserting, row);
            auto done = inserting.run();
            return done ? result<void>{} : tl::unexpected{std::move(done.error())};
        };
        auto added = add_rows<rows, query>(on_, sql::select_one, what, insert);
        if (!added) {
            on_.rollback();
            return added;
        }
        if (auto done = on_.commit(); !done) {
            return tl::unexpected{std::move(done.error())};
        }
        return added;
    }

    connection on_;
    bool old_; // the table lacks msd's columns
};

template <class Stored>
result<std::unique_ptr<transfer_table>>
opened(writable_server server, const server_settings& at, transfer_use use) {
    auto& on = server.opened;
    const auto wanted = Stored::server::wanted_schema();
    if (use == transfer_use::writing) {
        if (auto done = migrate(on, server.at, wanted, at.legacy_time_zone); !done) {
            return tl::unexpected{std::move(done.error())};
        }
    }
    const migrating look{on, at.legacy_time_zone};
    const auto there = look.has_table(wanted.service);
    if (!there) {
        return tl::unexpected{there.error()};
    }
    if (!*there && Stored::is_alone) {
        return no_rows();
    }
    if (!*there) {
        return fail(errc::not_found, fmt::format("the database has no table {}", wanted.service));
    }
    const auto newest =
        look.has_column(wanted.service, statements<typename Stored::rows>::newest_column);
    if (!newest) {
        return tl::unexpected{newest.error()};
    }
    // MySQL 8 caches AUTO_INCREMENT in information_schema for a day; earlier versions do not know
    // the variable.
    if (!on.facts().is_mariadb) {
        [[maybe_unused]] const auto set =
            on.execute("SET SESSION information_schema_stats_expiry = 0");
    }
    query zone{on, set_zone};
    if (const auto set = zone.bind(std::string_view{at.legacy_time_zone}).run(); !set) {
        return tl::unexpected{set.error()};
    }
    return std::make_unique<server_table<typename Stored::rows>>(std::move(on), !*newest);
}

} // namespace

result<std::unique_ptr<transfer_table>>
open_transfer(const server_settings& at, std::string_view service, transfer_use use) {
    auto server = open_writable(at, statement_timeout);
    if (!server) {
        return tl::unexpected{std::move(server.error())};
    }
    using outcome = result<std::unique_ptr<transfer_table>>;
    return stored_entities::with<outcome>(service, [&]<class Stored>() {
        return opened<Stored>(std::move(*server), at, use);
    });
}

} // namespace msd::store::mysql
