// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/money.hpp"
#include "base/result.hpp"
#include "store/goods_repository.hpp"
#include "store/members_repository.hpp"
#include "store/page.hpp"
#include "store/purchases_repository.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace msd::store {

// Reads rows of goods, members and purchases, in the same way from every database. `Query` is a
// statement whose parameters are bound, with next(), and integer(), text() and is_null() for its
// columns. Each function names the columns it expects, in their order.

/// Adds the rows that fit into the page; `row_of` converts the query's present row to a Row.
/// Returns the number of added rows.
template <class Query, class RowOf, class Row>
result<std::int64_t> add_rows(
    Query& rows,
    page_builder& builder,
    RowOf row_of,
    void (*write)(json::writer&, const Row&)
) {
    for (std::int64_t added = 0;; ++added) {
        const auto more = rows.next();
        if (!more) {
            return tl::unexpected{more.error()};
        }
        if (!*more) {
            return added;
        }
        const Row row = row_of(rows);
        if (!builder.add(row.id, row, write)) {
            return added;
        }
    }
}

/// Reads a page from one query.
template <class Query, class RowOf, class Row>
result<page> read_page(
    Query& rows,
    page_builder builder,
    RowOf row_of,
    void (*write)(json::writer&, const Row&)
) {
    if (const auto done = add_rows(rows, builder, row_of, write); !done) {
        return tl::unexpected{done.error()};
    }
    return builder.take();
}

/// id, name, category, price in ten-thousandths, description, and MSD_BESIDE_GOODS, each of which
/// may be null. The texts are views into the query's memory.
template <class Query>
goods_view goods_view_of(const Query& row) {
    constexpr std::size_t stock = 9;
    constexpr std::size_t by_sales = 10;
    return {
        .id = row.integer(0),
        .name = row.text(1),
        .category = row.text(2),
        .price = money::from_e4(row.integer(3)).value_or(money{}),
        .description = row.text(4),
        .votes = {row.integer(5), row.integer(6), row.integer(7), row.integer(8)},
        .stock = row.is_null(stock) ? std::nullopt : std::optional{row.integer(stock)},
        .sales = -row.integer(by_sales)};
}

/// The same columns, of the only row. errc::not_found: there is no row.
template <class Query>
result<goods_row> read_goods(Query& rows) {
    const auto found = rows.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (!*found) {
        return fail(errc::not_found, "no such goods");
    }
    const auto row = goods_view_of(rows);
    return goods_row{
        .id = row.id,
        .fields =
            {.name = std::string{row.name},
             .category = std::string{row.category},
             .price = row.price,
             .description = std::string{row.description},
             .stock = row.stock},
        .votes = row.votes,
        .sales = row.sales};
}

/// id, column `password`, msd's own hash or null, and 1 if the table is shared with an existing
/// deployment, of the only row. errc::not_found: there is no row.
template <class Query>
result<member_row> read_member(Query& rows) {
    const auto found = rows.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (!*found) {
        return fail(errc::not_found, "no such member");
    }
    return member_row{
        .id = rows.integer(0),
        .hashes = {.password = std::string{rows.text(1)}, .argon2id = std::string{rows.text(2)}},
        .shared_with_legacy = rows.integer(3) != 0};
}

/// id, goodsid, quantity, price in ten-thousandths or null, milliseconds since 1970.
template <class Query>
purchase_row purchase_of(const Query& row, std::int64_t userid) {
    std::optional<money> price;
    if (const auto known = money::from_e4(row.integer(3)); known && !row.is_null(3)) {
        price = *known;
    }
    return {
        .id = row.integer(0),
        .fields =
            {.userid = userid,
             .goodsid = row.integer(1),
             .quantity = row.integer(2),
             .price = price},
        .date_ms = row.integer(4)};
}

} // namespace msd::store
