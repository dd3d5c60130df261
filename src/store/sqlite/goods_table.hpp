// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/goods_repository.hpp"
#include "store/outbox_table.hpp"
#include "store/sqlite/backend.hpp"

#include <memory>

namespace msd::store::sqlite {

// goods_repository on SQLite.
class goods_table final : public goods_repository {
public:
    [[nodiscard]] static schema wanted_schema();

    explicit goods_table(std::unique_ptr<database> opened) : database_{std::move(opened)} {}

    [[nodiscard]] outbox& unsent() override { return outbox_; }

    asio::awaitable<result<page>>
    list(goods_query query, goods_writer write, deadline until) override;
    asio::awaitable<result<goods_row>> find(std::int64_t id, deadline until) override;
    asio::awaitable<result<std::int64_t>>
    add(goods_fields fields, std::optional<idempotency> once, deadline until) override;
    asio::awaitable<result<std::int64_t>>
    replace(goods_row row, std::optional<idempotency> once, deadline until) override;
    asio::awaitable<result<std::int64_t>>
    remove(std::int64_t id, std::optional<idempotency> once, deadline until) override;
    asio::awaitable<result<std::int64_t>>
    vote(goods_vote given, std::optional<idempotency> once, deadline until) override;
    asio::awaitable<result<page>>
    rank(goods_ranking wanted, goods_writer write, deadline until) override;
    asio::awaitable<result<std::int64_t>>
    count_sales(event_batch<goods_sale> made, deadline until) override;

private:
    std::unique_ptr<database> database_;
    outbox_table<backend, goods_entity> outbox_{*database_};
};

} // namespace msd::store::sqlite
