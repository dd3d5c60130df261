// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/members_table.hpp"

#include "store/member_events.hpp"
#include "store/row_reading.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace msd::store::sqlite {

namespace {

constexpr std::string_view version_1 = R"(
CREATE TABLE members(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL
);
)";

// A member that was imported from an existing deployment has the hash of its nodes in `password`
// and may have one of msd here.
constexpr std::string_view version_3 = "ALTER TABLE members ADD COLUMN password_argon2id TEXT;";

constexpr std::string_view version_4 = R"(
CREATE TABLE members_overview(
    userid INTEGER PRIMARY KEY,
    joined_ms INTEGER,
    purchases INTEGER NOT NULL,
    pieces INTEGER NOT NULL,
    spent_e4 INTEGER NOT NULL
);
CREATE TABLE members_purchases(
    userid INTEGER NOT NULL,
    id INTEGER NOT NULL,
    goodsid INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    price_e4 INTEGER,
    date_ms INTEGER NOT NULL,
    PRIMARY KEY(userid, id)
) WITHOUT ROWID;
)";

const std::array<std::string_view, 6> migrations{
    version_1,
    idempotency_schema,
    version_3,
    version_4,
    outbox_sql<members_events>::create_embedded,
    handled_sql<backend, members_events>::create_embedded};

constexpr std::string_view find_one =
    "SELECT id, password, password_argon2id, 0 FROM members WHERE username = ?";
constexpr std::string_view insert_one =
    "INSERT INTO members(username, password, password_argon2id) VALUES (?, ?, NULLIF(?, ''))";
constexpr std::string_view update_hash =
    "UPDATE members SET password = ?, password_argon2id = NULLIF(?, '') "
    "WHERE id = ? AND password = ?";
constexpr std::string_view delete_one = "DELETE FROM members WHERE username = ?";

// In the transaction of a new member: puts its event into the outbox. `id`: of the member, or why
// there is none; returns it.
result<std::int64_t> with_event(connection& on, result<std::int64_t> id, std::int64_t now_ms) {
    auto added = id ? announce_member<query>(on, *id, now_ms) : result<void>{};
    return added ? std::move(id) : tl::unexpected{std::move(added.error())};
}

} // namespace

schema members_table::wanted_schema() {
    return {.service = "members", .migrations = migrations};
}

asio::awaitable<result<member_row>> members_table::find(std::string username, deadline until) {
    auto work = [username = std::move(username)](connection& on) {
        query rows{on, find_one};
        return read_member(rows.bind(username));
    };
    return database_->read(until, std::move(work));
}

asio::awaitable<result<bool>> members_table::is_shared_with_legacy(deadline /*until*/) {
    co_return false; // no other program uses the file
}

asio::awaitable<result<std::int64_t>> members_table::add(
    std::string username,
    member_hashes hashes,
    std::optional<idempotency> once,
    deadline until
) {
    auto work = [this, username = std::move(username), hashes = std::move(hashes)](connection& on
                ) -> result<std::int64_t> {
        query insert{on, insert_one};
        insert.bind(username).bind(hashes.password).bind(hashes.argon2id);
        if (const auto done = insert.run(); !done) {
            return tl::unexpected{done.error()};
        }
        return with_event(on, on.last_inserted_id(), database_->now_ms());
    };
    return database_->write_once(std::move(once), until, std::move(work));
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
        query update{on, update_hash};
        update.bind(hashes.password).bind(hashes.argon2id).bind(id).bind(old_password);
        if (const auto done = update.run(); !done) {
            return tl::unexpected{done.error()};
        }
        return on.changes();
    };
    return database_->write(until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
members_table::remove(std::string username, std::optional<idempotency> once, deadline until) {
    auto work = [username = std::move(username)](connection& on) -> result<std::int64_t> {
        if (const auto done = query{on, delete_one}.bind(username).run(); !done) {
            return tl::unexpected{done.error()};
        }
        return on.changes();
    };
    return database_->write_once(std::move(once), until, std::move(work));
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
    return database_->read(until, work);
}

asio::awaitable<result<std::int64_t>>
members_table::change_overviews(event_batch<member_change> made, deadline until) {
    auto work = [made = std::move(made)](connection& on) {
        return apply_member_changes<backend>(on, made);
    };
    return database_->write(until, std::move(work));
}

} // namespace msd::store::sqlite
