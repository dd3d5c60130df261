// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "store/entity.hpp"
#include "store/goods_sale.hpp"
#include "store/goods_votes.hpp"
#include "store/handled_events.hpp"
#include "store/idempotency.hpp"
#include "store/outbox.hpp"
#include "store/page.hpp"

#include <asio/awaitable.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace msd::store {

struct goods_fields {
    std::string name;
    std::string category;
    money price;
    std::string description;
    // Pieces; follows the sales. Nullopt: unlimited. Below 0, as found: more were sold than there
    // were, because a purchase does not wait for it. Not in an export.
    std::optional<std::int64_t> stock = {};
};

struct goods_row {
    std::int64_t id = 0;
    goods_fields fields;
    goods_votes votes = {}; // as found; not part of what is written
    std::int64_t sales = 0; // the same: pieces that were sold and not returned
};

struct goods_entity {
    using row = goods_row;
    static constexpr std::string_view service = "goods";
    static constexpr std::array columns{
        column{"name"},
        column{"category"},
        column{.name = "price_e4", .member = "price"},
        column{"description"}};
    static auto values(auto& of) {
        return std::tie(of.fields.name, of.fields.category, of.fields.price, of.fields.description);
    }
};

// A row while it is being read. The texts are views into the database's memory.
struct goods_view {
    std::int64_t id = 0;
    std::string_view name;
    std::string_view category;
    money price;
    std::string_view description;
    goods_votes votes = {};
    std::optional<std::int64_t> stock = {};
    std::int64_t sales = 0;
};

using goods_writer = void (*)(json::writer&, const goods_view&);

struct goods_query {
    page_query rows;
    std::optional<std::string> category; // compared byte by byte, unless the table is shared
};

struct goods_ranking {
    rank_key by = rank_key::likes;
    std::int64_t limit = page_rows_max; // 1 … page_rows_max
    std::optional<std::string> category = {};
};

// The products of the goods service, in an embedded or a server database; one test suite runs over
// both. Every operation may also fail with errc::unavailable (the store is down, full or
// overloaded), errc::timeout, errc::cancelled, and errc::malformed (a value does not fit a column
// of an adopted table). A write that timed out may have been executed. A write that returned a
// value survives a power failure. Each change of a product also adds the event `goods.changed`.
class goods_repository {
public:
    virtual ~goods_repository() = default;

    virtual asio::awaitable<result<page>>
    list(goods_query query, goods_writer write, deadline until) = 0;

    /// errc::not_found.
    virtual asio::awaitable<result<goods_row>> find(std::int64_t id, deadline until) = 0;

    /// Returns the new id. Ids ascend and are never reused.
    virtual asio::awaitable<result<std::int64_t>>
    add(goods_fields fields, std::optional<idempotency> once, deadline until) = 0;

    /// Replaces all fields; returns the id. errc::not_found.
    virtual asio::awaitable<result<std::int64_t>>
    replace(goods_row row, std::optional<idempotency> once, deadline until) = 0;

    /// Removes votes, stock and sales, too. Returns the number of removed rows: 1 or 0.
    virtual asio::awaitable<result<std::int64_t>>
    remove(std::int64_t id, std::optional<idempotency> once, deadline until) = 0;

    /// Counts a vote, or nothing if the member has given or withdrawn it already. Returns the id of
    /// the product. errc::not_found, except for a vote that is withdrawn.
    virtual asio::awaitable<result<std::int64_t>>
    vote(goods_vote given, std::optional<idempotency> once, deadline until) = 0;

    /// The products with the most likes, the highest mean rating or the most sales, the best first,
    /// and those with equal ones by id; none without. `next` of the page has no meaning.
    virtual asio::awaitable<result<page>>
    rank(goods_ranking wanted, goods_writer write, deadline until) = 0;

    /// Counts sales, each once: reduces the stock and adds to the sales of the product. Returns how
    /// many were new. errc::conflict: handle_once().
    virtual asio::awaitable<result<std::int64_t>>
    count_sales(event_batch<goods_sale> made, deadline until) = 0;

    /// The events of this store; lives as long as the repository.
    [[nodiscard]] virtual outbox& unsent() = 0;
};

} // namespace msd::store
