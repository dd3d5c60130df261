// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/entity_work.hpp"
#include "store/handled_events.hpp"
#include "store/member_overview.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

// The tables of member_overview, in the same way on every database; nodes of an existing deployment
// neither read nor write them.
//
//   members_overview    one row for each member
//   members_purchases   the last purchases of each
//
// `On` is sqlite::backend or mysql::backend.
namespace msd::store {

// For store/outbox_table.hpp and store/handled_events.hpp.
struct members_events {
    static constexpr std::string_view service = "members";
};

namespace overview_parts {

constexpr std::string_view find =
    "SELECT joined_ms, purchases, pieces, spent_e4 FROM members_overview WHERE userid = ?";
constexpr std::string_view replace =
    "REPLACE INTO members_overview(userid, joined_ms, purchases, pieces, spent_e4) "
    "VALUES (?, ?, ?, ?, ?)";
constexpr std::string_view insert_purchase =
    "REPLACE INTO members_purchases(userid, id, goodsid, quantity, price_e4, date_ms) "
    "VALUES (?, ?, ?, ?, ?, ?)";
constexpr std::string_view list_last =
    "SELECT id, goodsid, quantity, price_e4, date_ms FROM members_purchases WHERE userid = ? "
    "ORDER BY id DESC LIMIT ?";
constexpr std::string_view remove_older =
    "DELETE FROM members_purchases WHERE userid = ? AND id < ?";
constexpr std::string_view remove_overviews = "DELETE FROM members_overview";
constexpr std::string_view remove_purchases = "DELETE FROM members_purchases";

// Sums and products that would leave the bounds of money stay there.
inline std::int64_t sum_within_bounds(std::int64_t a, std::int64_t b) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) {
        sum = a < 0 ? -money::e4_max : money::e4_max;
    }
    return std::clamp(sum, -money::e4_max, money::e4_max);
}
inline std::int64_t product_within_bounds(std::int64_t a, std::int64_t b) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) {
        product = (a < 0) == (b < 0) ? money::e4_max : -money::e4_max;
    }
    return std::clamp(product, -money::e4_max, money::e4_max);
}

inline void count_purchase(member_overview& into, const member_purchase& made) {
    ++into.purchases;
    into.pieces = sum_within_bounds(into.pieces, made.quantity);
    if (made.price) {
        const auto paid = product_within_bounds(made.price->e4(), made.quantity);
        const auto sum = sum_within_bounds(into.spent.e4(), paid);
        into.spent = money::from_e4(sum).value_or(into.spent);
    }
}

template <class Query>
result<void> run_statement(Query& statement) {
    const auto done = statement.run();
    return done ? result<void>{} : tl::unexpected{done.error()};
}

// Without the last purchases. errc::not_found.
template <class On>
result<member_overview> read_sums(typename On::connection& on, std::int64_t userid) {
    typename On::query row{on, find};
    const auto found = row.bind(userid).next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    if (!*found) {
        return fail(errc::not_found, "no such member");
    }
    member_overview made;
    if (!row.is_null(0)) {
        made.joined_ms = row.integer(0);
    }
    made.purchases = row.integer(1);
    made.pieces = row.integer(2);
    made.spent = money::from_e4(row.integer(3)).value_or(money{});
    return made;
}

template <class On>
result<std::vector<member_purchase>>
read_last(typename On::connection& on, std::int64_t userid, std::size_t count) {
    typename On::query rows{on, list_last};
    rows.bind(userid).bind(static_cast<std::int64_t>(count));
    std::vector<member_purchase> found;
    for (;;) {
        const auto more = rows.next();
        if (!more) {
            return tl::unexpected{more.error()};
        }
        if (!*more) {
            return found;
        }
        std::optional<money> price;
        if (const auto exact = money::from_e4(rows.integer(3)); exact && !rows.is_null(3)) {
            price = *exact;
        }
        found.push_back({rows.integer(0), rows.integer(1), rows.integer(2), price, rows.integer(4)}
        );
    }
}

template <class On>
result<void>
store_purchase(typename On::connection& on, std::int64_t userid, const member_purchase& made) {
    using query = typename On::query;
    {
        query insert{on, insert_purchase};
        insert.bind(userid).bind(made.id).bind(made.goodsid).bind(made.quantity);
        insert.bind(made.price ? std::optional{made.price->e4()} : std::nullopt);
        if (auto done = run_statement(insert.bind(made.date_ms)); !done) {
            return done;
        }
    }
    const auto kept = read_last<On>(on, userid, member_overview::last_max);
    if (!kept) {
        return tl::unexpected{kept.error()};
    }
    if (kept->size() < member_overview::last_max) {
        return {};
    }
    query remove{on, remove_older};
    return run_statement(remove.bind(userid).bind(kept->back().id));
}

template <class On>
result<void> apply(typename On::connection& on, const member_change& made) {
    auto sums = read_sums<On>(on, made.userid);
    if (!sums && sums.error().code != errc::not_found) {
        return tl::unexpected{std::move(sums.error())};
    }
    member_overview now = sums ? std::move(*sums) : member_overview{};
    if (made.joined_ms) {
        now.joined_ms = made.joined_ms;
    }
    if (made.purchase) {
        count_purchase(now, *made.purchase);
        if (auto done = store_purchase<On>(on, made.userid, *made.purchase); !done) {
            return done;
        }
    }
    typename On::query store{on, replace};
    store.bind(made.userid).bind(now.joined_ms).bind(now.purchases).bind(now.pieces);
    return run_statement(store.bind(now.spent.e4()));
}

} // namespace overview_parts

/// In a transaction: applies the changes that are new (store/handled_events.hpp). A group that
/// begins again makes all overviews anew.
template <class On>
result<std::int64_t>
apply_member_changes(typename On::connection& on, const event_batch<member_change>& made) {
    const auto apply = [&on](const member_change& each) {
        return overview_parts::apply<On>(on, each);
    };
    const auto remove_all = [&on]() -> result<bool> {
        for (const auto statement :
             {overview_parts::remove_overviews, overview_parts::remove_purchases}) {
            typename On::query remove{on, statement};
            if (const auto done = remove.run(); !done) {
                return tl::unexpected{done.error()};
            }
        }
        return true;
    };
    return handle_once<On, members_events>(on, made, apply, remove_all);
}

/// errc::not_found: no event has named the member.
template <class On>
result<member_overview> read_overview(typename On::connection& on, std::int64_t userid) {
    auto made = overview_parts::read_sums<On>(on, userid);
    if (!made) {
        return made;
    }
    auto last = overview_parts::read_last<On>(on, userid, member_overview::last_max);
    if (!last) {
        return tl::unexpected{std::move(last.error())};
    }
    made->last = std::move(*last);
    return made;
}

} // namespace msd::store
