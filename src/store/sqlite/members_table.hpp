// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/member_overviews.hpp"
#include "store/members_repository.hpp"
#include "store/outbox_table.hpp"
#include "store/sqlite/backend.hpp"

#include <memory>

namespace msd::store::sqlite {

// members_repository on SQLite.
class members_table final : public members_repository {
public:
    [[nodiscard]] static schema wanted_schema();

    explicit members_table(std::unique_ptr<database> opened) : database_{std::move(opened)} {}

    [[nodiscard]] outbox& unsent() override { return outbox_; }

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
    asio::awaitable<result<member_overview>> overview(std::int64_t userid, deadline until) override;
    asio::awaitable<result<std::int64_t>>
    change_overviews(event_batch<member_change> made, deadline until) override;

private:
    std::unique_ptr<database> database_;
    outbox_table<backend, members_events> outbox_{*database_};
};

} // namespace msd::store::sqlite
