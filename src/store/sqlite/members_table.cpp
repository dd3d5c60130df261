// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/members_table.hpp"

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

const std::array<std::string_view, 2> migrations{version_1, idempotency_schema};

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
    auto work = [username = std::move(username)](connection& on) {
        query rows{on, find_one};
        return read_member(rows.bind(username));
    };
    return database_->read(until, std::move(work));
}

asio::awaitable<result<std::int64_t>> members_table::add(
    std::string username,
    std::string password_hash,
    std::optional<idempotency> once,
    deadline until
) {
    auto work = [username = std::move(username),
                 hash = std::move(password_hash)](connection& on) -> result<std::int64_t> {
        if (const auto done = query{on, insert_one}.bind(username).bind(hash).run(); !done) {
            return tl::unexpected{done.error()};
        }
        return on.last_inserted_id();
    };
    return database_->write_once(std::move(once), until, std::move(work));
}

asio::awaitable<result<std::int64_t>>
members_table::rehash(std::int64_t id, std::string old_hash, std::string new_hash, deadline until) {
    auto work = [id, old_hash = std::move(old_hash), new_hash = std::move(new_hash)](connection& on
                ) -> result<std::int64_t> {
        query update{on, update_hash};
        if (const auto done = update.bind(new_hash).bind(id).bind(old_hash).run(); !done) {
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

} // namespace msd::store::sqlite
