// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/members_repository.hpp"
#include "store/sqlite/database.hpp"

#include <memory>

namespace msd::store::sqlite {

// members_repository on SQLite.
class members_table final : public members_repository {
public:
    [[nodiscard]] static schema wanted_schema();

    explicit members_table(std::unique_ptr<database> opened) : database_{std::move(opened)} {}

    asio::awaitable<result<member_row>> find(std::string username, deadline until) override;
    asio::awaitable<result<bool>> is_shared_with_legacy(deadline until) override;
    asio::awaitable<result<std::int64_t>>
    add(std::string username, member_hashes hashes, std::optional<idempotency> once, deadline until
    ) override;
    asio::awaitable<result<std::int64_t>>
    rehash(std::int64_t id, std::string old_password, member_hashes hashes, deadline until)
        override;
    asio::awaitable<result<std::int64_t>>
    remove(std::string username, std::optional<idempotency> once, deadline until) override;
    asio::awaitable<result<std::optional<std::int64_t>>>
    recall(idempotency once, deadline until) override;

private:
    std::unique_ptr<database> database_;
};

} // namespace msd::store::sqlite
