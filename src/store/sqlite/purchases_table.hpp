// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/outbox_table.hpp"
#include "store/purchases_repository.hpp"
#include "store/sqlite/backend.hpp"

#include <memory>

namespace msd::store::sqlite {

// purchases_repository on SQLite.
class purchases_table final : public purchases_repository {
public:
    [[nodiscard]] static schema wanted_schema();

    explicit purchases_table(std::unique_ptr<database> opened) : database_{std::move(opened)} {}

    [[nodiscard]] outbox& unsent() override { return outbox_; }

    asio::awaitable<result<page>>
    list(std::int64_t userid, page_query query, purchase_writer write, deadline until) override;
    asio::awaitable<result<std::int64_t>>
    add(purchase_fields fields, std::optional<idempotency> once, deadline until) override;
    asio::awaitable<result<std::optional<std::int64_t>>>
    recall(idempotency once, deadline until) override;

private:
    std::unique_ptr<database> database_;
    outbox_table<backend, purchases_entity> outbox_{*database_};
};

} // namespace msd::store::sqlite
