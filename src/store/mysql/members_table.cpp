// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/members_table.hpp"

#include "store/member_events.hpp"
#include "store/mysql/adoption.hpp"
#include "store/row_reading.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace msd::store::mysql {

namespace {

constexpr std::int64_t rows_at_once = 5000;

result<void> create_or_adopt(const migrating& step) {
    return create_or_adopt_table(
        step,
        {.name = "members",
         .create = "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, "
                   "username VARCHAR(128), password VARCHAR(256)",
         .adopt = "MODIFY id BIGINT NOT NULL AUTO_INCREMENT"}
    );
}

constexpr added_index names_index{
    .table = "members",
    .column = "username",
    .name = "members_by_name",
    .unique = true};

// The names of a shared table stay as unique as they were.
result<void> make_own_names_unique(const migrating& step) {
    const auto use = read_legacy_use(step, "members", 1);
    if (!use) {
        return tl::unexpected{use.error()};
    }
    return *use == legacy_use::shared ? result<void>{} : add_index(step, names_index);
}

result<void> record_adoption(const migrating& step) {
    return record_earlier_adoption(step, "members");
}

// password_argon2id_of is the content of `password` that the hash beside it was made for: when
// another program changes the password, the two differ and msd's hash no longer counts.
result<void> add_own_hash(const migrating& step) {
    constexpr std::array columns{
        added_column{"members", "password_argon2id", "VARCHAR(128) NULL"},
        added_column{"members", "password_argon2id_of", "VARBINARY(256) NULL"}};
    return add_columns(step, columns);
}

result<void> create_overviews(const migrating& step) {
    static constexpr std::array<std::string_view, 5>
        sums{"userid", "joined_ms", "purchases", "pieces", "spent_e4"};
    auto created = create_own_table(
        step,
        "members_overview",
        "userid BIGINT NOT NULL PRIMARY KEY, joined_ms BIGINT NULL, purchases BIGINT NOT NULL, "
        "pieces BIGINT NOT NULL, spent_e4 BIGINT NOT NULL",
        sums
    );
    if (!created) {
        return created;
    }
    static constexpr std::array<std::string_view, 6>
        last{"userid", "id", "goodsid", "quantity", "price_e4", "date_ms"};
    return create_own_table(
        step,
        "members_purchases",
        "userid BIGINT NOT NULL, id BIGINT NOT NULL, goodsid BIGINT NOT NULL, "
        "quantity BIGINT NOT NULL, price_e4 BIGINT NULL, date_ms BIGINT NOT NULL, "
        "PRIMARY KEY(userid, id)",
        last
    );
}

const std::array<migration, 8> migrations{
    migration{"create members, or adopt the existing one: wide ids", create_or_adopt},
    migration{
        "make usernames unique, unless an adopted table lets them repeat",
        make_own_names_unique},
    idempotency_migration,
    migration{"record whether members was adopted", record_adoption},
    migration{"add a column of msd's own for argon2id to members", add_own_hash},
    migration{"create the tables of overviews of members", create_overviews},
    migration{"create the outbox of members", backend_parts::create_outbox<members_events>},
    migration{
        "create the table of handled events of members",
        backend_parts::create_handled<members_events>}};

constexpr std::string_view count_repeated_names =
    "SELECT COUNT(*) FROM (SELECT 1 FROM members GROUP BY CAST(username AS BINARY) "
    "HAVING COUNT(*) > 1) AS repeated";
constexpr std::string_view count_both_hashes =
    "SELECT COUNT(*) FROM members WHERE password_argon2id_of = CAST(password AS BINARY)";
constexpr std::string_view count_mysql_hashes =
    "SELECT COUNT(*) FROM members WHERE password LIKE '*%' "
    "AND NOT COALESCE(password_argon2id_of = CAST(password AS BINARY), FALSE)";
constexpr std::string_view last_member = "SELECT CAST(COALESCE(MAX(id), 0) AS SIGNED) FROM members";
// The columns are assigned from left to right.
constexpr std::string_view keep_argon2id =
    "UPDATE members SET password = IF(password_argon2id_of = CAST(password AS BINARY), "
    "password_argon2id, password), password_argon2id = NULL, password_argon2id_of = NULL "
    "WHERE id > ? AND id <= ? AND password_argon2id IS NOT NULL";

result<std::int64_t> read_integer(const migrating& step, std::string_view select) {
    query reading{step.on, select};
    const auto found = reading.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return *found ? reading.integer(0) : 0;
}

result<std::string> plan_conversion(const migrating& step) {
    return plan_text_conversion(
        step,
        "members",
        "usernames that differ in case, accents or final spaces are then different members"
    );
}

result<void> convert(const migrating& step) {
    return convert_texts(step, "members", "MODIFY password VARCHAR(256)");
}

result<std::string> plan_unique_names(const migrating& step) {
    const auto is_unique = step.has_index("members", "username", true);
    if (!is_unique || *is_unique) {
        return is_unique ? result<std::string>{} : tl::unexpected{is_unique.error()};
    }
    const auto repeated = read_integer(step, count_repeated_names);
    if (!repeated) {
        return tl::unexpected{repeated.error()};
    }
    if (*repeated > 0) {
        return fail(
            errc::invalid,
            fmt::format(
                "{} usernames are in members more than once: leave one row of each, then finish "
                "again; nothing was changed",
                *repeated
            )
        );
    }
    return "make usernames unique";
}

result<void> make_names_unique(const migrating& step) {
    return add_index(step, names_index);
}

result<std::string> plan_argon2id_only(const migrating& step) {
    const auto has_own_hash = step.has_column("members", "password_argon2id");
    if (!has_own_hash || !*has_own_hash) {
        return has_own_hash ? result<std::string>{} : tl::unexpected{has_own_hash.error()};
    }
    const auto both = read_integer(step, count_both_hashes);
    const auto others = read_integer(step, count_mysql_hashes);
    if (!both || !others) {
        return tl::unexpected{both ? others.error() : both.error()};
    }
    if (*both == 0) {
        return {};
    }
    return fmt::format(
        "keep only the argon2id hash of {} members, whose passwords nodes of the existing "
        "deployment can no longer check; {} others keep MySQL's PASSWORD() until their next login",
        *both,
        *others
    );
}

// In batches, so that other transactions and the nodes of a cluster never wait for long.
result<void> keep_argon2id_only(const migrating& step) {
    const auto last = read_integer(step, last_member);
    if (!last) {
        return tl::unexpected{last.error()};
    }
    for (std::int64_t id = 0; id < *last; id += rows_at_once) {
        query part{step.on, keep_argon2id};
        if (const auto done = part.bind(id).bind(id + rows_at_once).run(); !done) {
            return tl::unexpected{done.error()};
        }
    }
    return {};
}

const std::array<finishing_step, 3> finishing{
    finishing_step{plan_conversion, convert},
    finishing_step{plan_unique_names, make_names_unique},
    finishing_step{plan_argon2id_only, keep_argon2id_only}};

// The first value, when it is there, is store.shared_with_legacy.
constexpr std::string_view is_shared =
    "SELECT CAST(COALESCE(?, (SELECT COUNT(*) FROM schema_adoption WHERE service = 'members' "
    "AND state = 'shared')) AS SIGNED)";
constexpr std::string_view find_one =
    "SELECT id, password, IF(password_argon2id_of = CAST(password AS BINARY), password_argon2id, "
    "NULL), CAST(COALESCE(?, (SELECT COUNT(*) FROM schema_adoption WHERE service = 'members' "
    "AND state = 'shared')) AS SIGNED) FROM members WHERE username = ? ORDER BY id LIMIT 1";
constexpr std::string_view find_name = "SELECT id FROM members WHERE username = ? LIMIT 1";
constexpr std::string_view insert_one =
    "INSERT INTO members(username, password, password_argon2id, password_argon2id_of) "
    "VALUES (?, ?, NULLIF(?, ''), IF(password_argon2id IS NULL, NULL, password))";
// password_argon2id_of is assigned last, from what the columns before it have become.
constexpr std::string_view update_hashes =
    "UPDATE members SET password = ?, password_argon2id = NULLIF(?, ''), "
    "password_argon2id_of = IF(password_argon2id IS NULL, NULL, password) "
    "WHERE id = ? AND CAST(password AS BINARY) = ?";
constexpr std::string_view delete_one = "DELETE FROM members WHERE username = ?";

// A shared table may take names that differ in case or in final spaces for one member: what was
// written under one of them is read where it was written under the others as well.
thing thing_of_name(std::string_view username) {
    std::string folded{username.substr(0, username.find_last_not_of(' ') + 1)};
    for (char& each : folded) {
        each = each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
    }
    return thing_of(folded);
}

std::optional<std::int64_t> as_integer(std::optional<bool> set) {
    return set ? std::optional<std::int64_t>{*set ? 1 : 0} : std::nullopt;
}

// In the transaction of a new member: puts its event into the outbox. `id`: of the member, or why
// there is none; returns it.
result<std::int64_t> with_event(connection& on, result<std::int64_t> id, std::int64_t now_ms) {
    auto added = id ? announce_member<query>(on, *id, now_ms) : result<void>{};
    return added ? std::move(id) : tl::unexpected{std::move(added.error())};
}

} // namespace

schema members_table::wanted_schema() {
    return {.service = "members", .migrations = migrations, .finishing = finishing};
}

asio::awaitable<result<member_row>> members_table::find(std::string username, deadline until) {
    const auto what = thing_of_name(username);
    auto work = [shared = as_integer(database_->shared_with_legacy()),
                 username = std::move(username)](connection& on) {
        query rows{on, find_one};
        auto found = read_member(rows.bind(shared).bind(username));
        if (!found && on.forget_unfit()) {
            found = fail(errc::not_found, "no such member");
        }
        return found;
    };
    return database_->read(what, until, std::move(work));
}

asio::awaitable<result<bool>> members_table::is_shared_with_legacy(deadline until) {
    auto work = [shared =
                     as_integer(database_->shared_with_legacy())](connection& on) -> result<bool> {
        query asked{on, is_shared};
        const auto found = asked.bind(shared).next();
        if (!found) {
            return tl::unexpected{found.error()};
        }
        return *found && asked.integer(0) != 0;
    };
    return database_->read_latest(until, std::move(work));
}

asio::awaitable<result<std::int64_t>> members_table::add(
    std::string username,
    member_hashes hashes,
    std::optional<idempotency> once,
    deadline until
) {
    const auto what = thing_of_name(username);
    auto work = [this, username = std::move(username), hashes = std::move(hashes)](connection& on
                ) -> result<std::int64_t> {
        // An adopted table need not have a unique index.
        const auto taken = query{on, find_name}.bind(username).next();
        if (!taken || *taken) {
            return taken ? fail(errc::conflict, "the username is taken")
                         : tl::unexpected{taken.error()};
        }
        query insert{on, insert_one};
        insert.bind(username).bind(hashes.password).bind(hashes.argon2id);
        if (const auto done = insert.run(); !done) {
            return done;
        }
        return with_event(on, on.last_inserted_id(), database_->now_ms());
    };
    return database_->write_once(what, std::move(once), until, std::move(work));
}

asio::awaitable<result<std::int64_t>> members_table::rehash(
    std::int64_t id,
    std::string old_password,
    member_hashes hashes,
    deadline until
) {
    auto work = [id,
                 old_password = std::move(old_password),
                 hashes = std::move(hashes)](connection& on) -> result<std::int64_t> {
        query update{on, update_hashes};
        update.bind(hashes.password).bind(hashes.argon2id).bind(id).bind(old_password);
        return update.run();
    };
    return database_->write(new_thing, until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
members_table::remove(std::string username, std::optional<idempotency> once, deadline until) {
    const auto what = thing_of_name(username);
    auto work = [username = std::move(username)](connection& on) -> result<std::int64_t> {
        auto removed = query{on, delete_one}.bind(username).run();
        if (!removed && on.forget_unfit()) {
            removed = 0;
        }
        return removed;
    };
    return database_->write_once(what, std::move(once), until, std::move(work));
}

asio::awaitable<result<std::optional<std::int64_t>>>
members_table::recall(idempotency once, deadline until) {
    return database_->recall(std::move(once), until);
}

asio::awaitable<result<member_overview>>
members_table::overview(std::int64_t userid, deadline until) {
    auto work = [userid](connection& on) {
        return read_overview<backend>(on, userid);
    };
    return database_->read(thing_of(userid), until, work);
}

asio::awaitable<result<std::int64_t>>
members_table::change_overviews(event_batch<member_change> made, deadline until) {
    auto work = [made = std::move(made)](connection& on) {
        return apply_member_changes<backend>(on, made);
    };
    return database_->write(new_thing, until, std::move(work));
}

} // namespace msd::store::mysql
