// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/members_table.hpp"

#include "store/mysql/adoption.hpp"
#include "store/row_reading.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace msd::store::mysql {

namespace {

result<void> create_or_adopt(const migrating& step) {
    return create_or_adopt_table(
        step,
        {.name = "members",
         .create = "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, "
                   "username VARCHAR(128), password VARCHAR(256)",
         .adopt = "MODIFY id BIGINT NOT NULL AUTO_INCREMENT"}
    );
}

// Two rows of one name would make the name's owner a matter of chance: people decide which goes.
result<void> make_names_unique(const migrating& step) {
    return add_index(
        step,
        {.table = "members", .column = "username", .name = "members_by_name", .unique = true}
    );
}

const std::array<migration, 3> migrations{
    migration{"create members, or adopt the existing one: utf8mb4, wide ids", create_or_adopt},
    migration{"make usernames unique, byte by byte", make_names_unique},
    idempotency_migration};

constexpr std::string_view find_one = "SELECT id, password FROM members WHERE username = ?";
constexpr std::string_view insert_one = "INSERT INTO members(username, password) VALUES (?, ?)";
constexpr std::string_view update_hash =
    "UPDATE members SET password = ? WHERE id = ? AND password = ?";
constexpr std::string_view delete_one = "DELETE FROM members WHERE username = ?";

} // namespace

schema members_table::wanted_schema() {
    return {.service = "members", .migrations = migrations};
}

asio::awaitable<result<member_row>> members_table::find(std::string username, deadline until) {
    const auto what = thing_of(username);
    auto work = [username = std::move(username)](connection& on) {
        query rows{on, find_one};
        return read_member(rows.bind(username));
    };
    return database_->read(what, until, std::move(work));
}

asio::awaitable<result<std::int64_t>> members_table::add(
    std::string username,
    std::string password_hash,
    std::optional<idempotency> once,
    deadline until
) {
    const auto what = thing_of(username);
    auto work = [username = std::move(username),
                 hash = std::move(password_hash)](connection& on) -> result<std::int64_t> {
        if (const auto done = query{on, insert_one}.bind(username).bind(hash).run(); !done) {
            return done;
        }
        return on.last_inserted_id();
    };
    return database_->write_once(what, std::move(once), until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
members_table::rehash(std::int64_t id, std::string old_hash, std::string new_hash, deadline until) {
    auto work = [id, old_hash = std::move(old_hash), new_hash = std::move(new_hash)](connection& on
                ) -> result<std::int64_t> {
        return query{on, update_hash}.bind(new_hash).bind(id).bind(old_hash).run();
    };
    return database_->write(new_thing, until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
members_table::remove(std::string username, std::optional<idempotency> once, deadline until) {
    const auto what = thing_of(username);
    auto work = [username = std::move(username)](connection& on) -> result<std::int64_t> {
        return query{on, delete_one}.bind(username).run();
    };
    return database_->write_once(what, std::move(once), until, std::move(work));
}

asio::awaitable<result<std::optional<std::int64_t>>>
members_table::recall(idempotency once, deadline until) {
    return database_->recall(std::move(once), until);
}

} // namespace msd::store::mysql
