// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/entity_work.hpp"
#include "store/goods_repository.hpp"
#include "store/goods_sale.hpp"
#include "store/handled_events.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

// The table of stock and sales, in the same way on every database. It is msd's own: nodes of an
// existing deployment neither read nor write it.
//
//   goods_trade   one row for each product that has a stock or was sold: stock or null, and
//                 by_sales, the number of sold pieces below zero, in whose ascending order rankings
//                 are read
//
// `On` is sqlite::backend or mysql::backend.
namespace msd::store {

namespace trading_parts {

constexpr std::string_view set_stock = "UPDATE goods_trade SET stock = ? WHERE goodsid = ?";
constexpr std::string_view count_sale =
    "UPDATE goods_trade SET stock = stock - ?, by_sales = by_sales - ? WHERE goodsid = ?";
constexpr std::string_view remove_trade = "DELETE FROM goods_trade WHERE goodsid = ?";

template <class On>
constexpr std::string_view insert_trade = entity_parts::literal<[] {
    return entity_parts::compiled_text{}
        .append(On::insert_ignore)
        .append("goods_trade(goodsid, stock, by_sales) VALUES (?, NULL, 0)");
}()>::text;

/// Adds the row of the product if it is missing.
template <class On>
result<void> ensure_trade(typename On::connection& on, std::int64_t goodsid) {
    typename On::query insert{on, insert_trade<On>};
    const auto done = insert.bind(goodsid).run();
    return done ? result<void>{} : tl::unexpected{done.error()};
}

} // namespace trading_parts

/// In the transaction of a write of the product.
template <class On>
result<void>
store_stock(typename On::connection& on, std::int64_t goodsid, std::optional<std::int64_t> stock) {
    using namespace trading_parts;
    if (stock) {
        if (auto done = ensure_trade<On>(on, goodsid); !done) {
            return done;
        }
    }
    typename On::query set{on, set_stock};
    const auto done = set.bind(stock).bind(goodsid).run();
    return done ? result<void>{} : tl::unexpected{done.error()};
}

/// Reduces the stock, if the product has one, and counts the sale.
template <class On>
result<void> count_sale(typename On::connection& on, const goods_sale& made) {
    using namespace trading_parts;
    {
        typename On::query update{on, trading_parts::count_sale};
        update.bind(made.quantity).bind(made.quantity).bind(made.goodsid);
        const auto changed = run_and_count(on, update);
        if (!changed || *changed > 0) {
            return changed ? result<void>{} : tl::unexpected{changed.error()};
        }
    }
    if (auto done = ensure_trade<On>(on, made.goodsid); !done) {
        return done;
    }
    typename On::query update{on, trading_parts::count_sale};
    const auto done = update.bind(made.quantity).bind(made.quantity).bind(made.goodsid).run();
    return done ? result<void>{} : tl::unexpected{done.error()};
}

/// In a transaction: counts those that are new (store/handled_events.hpp).
template <class On>
result<std::int64_t>
count_new_sales(typename On::connection& on, const event_batch<goods_sale>& made) {
    const auto count = [&on](const goods_sale& each) {
        return count_sale<On>(on, each);
    };
    // A stock is not the sum of events, so the group does not begin again.
    const auto keep = []() -> result<bool> {
        return false;
    };
    return handle_once<On, goods_entity>(on, made, count, keep);
}

/// For a product that is removed.
template <class On>
result<void> remove_trade_of(typename On::connection& on, std::int64_t goodsid) {
    typename On::query remove{on, trading_parts::remove_trade};
    const auto done = remove.bind(goodsid).run();
    return done ? result<void>{} : tl::unexpected{done.error()};
}

} // namespace msd::store
