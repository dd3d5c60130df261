// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "store/entity.hpp"
#include "store/idempotency.hpp"
#include "store/outbox.hpp"
#include "store/page.hpp"

#include <asio/awaitable.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

namespace msd::store {

struct purchase_fields {
    std::int64_t userid = 0;
    std::int64_t goodsid = 0;
    std::int64_t quantity = 1;  // negative: a return
    std::optional<money> price; // of one piece at the time of purchase; nullopt in old rows
};

struct purchase_row {
    std::int64_t id = 0;
    purchase_fields fields;
    std::int64_t date_ms = 0; // milliseconds since 1970 in UTC
};

struct purchases_entity {
    using row = purchase_row;
    static constexpr std::string_view service = "purchases";
    static constexpr std::array columns{
        column{"userid"},
        column{"goodsid"},
        column{"quantity"},
        column{.name = "price_e4", .member = "price"},
        column{"date_ms"}};
    static auto values(auto& of) {
        return std::tie(
            of.fields.userid,
            of.fields.goodsid,
            of.fields.quantity,
            of.fields.price,
            of.date_ms
        );
    }
};

using purchase_writer = void (*)(json::writer&, const purchase_row&);

// The purchases of members. Goods and members belong to other services: their ids are plain numbers
// here and are not checked. Errors common to all operations: as goods_repository.
class purchases_repository {
public:
    virtual ~purchases_repository() = default;

    virtual asio::awaitable<result<page>>
    list(std::int64_t userid, page_query query, purchase_writer write, deadline until) = 0;

    /// Adds the purchase with the present time as its date, and the event `purchased`. Returns the
    /// new id.
    virtual asio::awaitable<result<std::int64_t>>
    add(purchase_fields fields, std::optional<idempotency> once, deadline until) = 0;

    /// The outcome recorded under this key, if there is one. Saves a repeated request the work that
    /// precedes the write.
    virtual asio::awaitable<result<std::optional<std::int64_t>>>
    recall(idempotency once, deadline until) = 0;

    /// The events of this store; lives as long as the repository.
    [[nodiscard]] virtual outbox& unsent() = 0;
};

} // namespace msd::store
