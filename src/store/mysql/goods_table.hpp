// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/goods_repository.hpp"
#include "store/mysql/backend.hpp"
#include "store/outbox_table.hpp"

#include <memory>

// SQL: the whole number that nodes of an existing deployment read for a price in ten-thousandths,
// rounded half away from zero and as near as an INT can be; and the exact price of a row. When
// another program has changed `price`, the exact price beside it no longer counts.
#define MSD_WHOLE_PRICE                                                                            \
    "LEAST(GREATEST((price_e4 + IF(price_e4 < 0, -5000, 5000)) DIV 10000, -2147483648), "          \
    "2147483647)"
#define MSD_EXACT_PRICE                                                                            \
    "CAST(COALESCE(IF(price <> " MSD_WHOLE_PRICE ", NULL, price_e4), price * 10000, 0) AS SIGNED)"

namespace msd::store::mysql {

// goods_repository on MySQL. The table may be an existing deployment's with added columns, which
// its nodes can continue to use.
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

} // namespace msd::store::mysql
