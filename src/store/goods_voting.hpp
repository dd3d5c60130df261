// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/goods_repository.hpp"
#include "store/page.hpp"
#include "store/row_reading.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

// SQL: the counts of votes of the row of goods in a join, and the columns of goods_trade
// (store/goods_trading.hpp).
#define MSD_BESIDE_GOODS "s.likes, s.dislikes, s.ratings, s.stars, t.stock, t.by_sales"
#define MSD_VOTES_OF_GOODS " LEFT JOIN goods_summary s ON s.goodsid = id"
#define MSD_TRADE_OF_GOODS " LEFT JOIN goods_trade t ON t.goodsid = id"

// The tables of votes, in the same way on every database. They are msd's own: nodes of an existing
// deployment neither read nor write them.
//
//   goods_votes    one row for each member and product: opinion (1 like, −1 dislike, 0 none) and
//                  stars (0: none)
//   goods_summary  one row for each product that has votes: their counts, which the transaction of
//                  each vote keeps true, and what rankings are ordered by, ascending
namespace msd::store {

namespace voting_parts {

constexpr std::string_view find_vote =
    "SELECT opinion, stars FROM goods_votes WHERE goodsid = ? AND userid = ?";
constexpr std::string_view replace_vote =
    "REPLACE INTO goods_votes(goodsid, userid, opinion, stars) VALUES (?, ?, ?, ?)";
constexpr std::string_view remove_vote = "DELETE FROM goods_votes WHERE goodsid = ? AND userid = ?";
constexpr std::string_view remove_votes = "DELETE FROM goods_votes WHERE goodsid = ?";
constexpr std::string_view find_summary =
    "SELECT likes, dislikes, ratings, stars FROM goods_summary WHERE goodsid = ?";
constexpr std::string_view replace_summary =
    "REPLACE INTO goods_summary(goodsid, likes, dislikes, ratings, stars, by_likes, by_rating) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view remove_summary = "DELETE FROM goods_summary WHERE goodsid = ?";

// What one member thinks of one product.
struct member_vote {
    std::int64_t opinion = 0;
    std::int64_t stars = 0;

    bool operator==(const member_vote&) const = default;
};

inline member_vote changed(member_vote before, const goods_vote& given) {
    if (given.kind == vote_kind::rating) {
        before.stars = given.value;
        return before;
    }
    const std::int64_t meant = given.kind == vote_kind::like ? 1 : -1;
    if (given.value != 0) {
        before.opinion = meant;
    } else if (before.opinion == meant) {
        before.opinion = 0;
    }
    return before;
}

inline void count(goods_votes& into, const member_vote& vote, std::int64_t times) {
    into.likes += vote.opinion > 0 ? times : 0;
    into.dislikes += vote.opinion < 0 ? times : 0;
    into.ratings += vote.stars > 0 ? times : 0;
    into.stars += times * vote.stars;
}

template <class Query>
result<void> executed(Query& statement) {
    const auto done = statement.run();
    return done ? result<void>{} : tl::unexpected{done.error()};
}

template <class Query, class Connection>
result<void> store_vote(Connection& on, const goods_vote& of, const member_vote& now) {
    if (now == member_vote{}) {
        Query remove{on, remove_vote};
        return executed(remove.bind(of.goodsid).bind(of.userid));
    }
    Query replace{on, replace_vote};
    replace.bind(of.goodsid).bind(of.userid).bind(now.opinion).bind(now.stars);
    return executed(replace);
}

template <class Query, class Connection>
result<goods_votes> read_summary(Connection& on, std::int64_t goodsid) {
    Query summary{on, find_summary};
    const auto found = summary.bind(goodsid).next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    goods_votes all;
    if (*found) {
        all = {summary.integer(0), summary.integer(1), summary.integer(2), summary.integer(3)};
    }
    return all;
}

template <class Query, class Connection>
result<void> store_summary(Connection& on, std::int64_t goodsid, const goods_votes& now) {
    if (now == goods_votes{}) {
        Query remove{on, remove_summary};
        return executed(remove.bind(goodsid));
    }
    Query replace{on, replace_summary};
    replace.bind(goodsid).bind(now.likes).bind(now.dislikes).bind(now.ratings).bind(now.stars);
    return executed(replace.bind(-now.likes).bind(-now.rating_e2()));
}

} // namespace voting_parts

/// In a transaction: one vote. `lock_goods` selects the product and locks its row, so that the
/// votes for a product are counted one after another. Returns the id of the product.
/// errc::not_found: there is no such product; a vote that is withdrawn needs none.
template <class Query, class Connection>
result<std::int64_t>
count_vote(Connection& on, std::string_view lock_goods, const goods_vote& given) {
    using namespace voting_parts;
    {
        Query goods{on, lock_goods};
        const auto there = goods.bind(given.goodsid).next();
        if (!there) {
            return tl::unexpected{there.error()};
        }
        if (!*there) {
            return given.value == 0 ? result<std::int64_t>{given.goodsid}
                                    : fail(errc::not_found, "no such goods");
        }
    }
    member_vote before;
    {
        Query vote{on, find_vote};
        const auto there = vote.bind(given.goodsid).bind(given.userid).next();
        if (!there) {
            return tl::unexpected{there.error()};
        }
        if (*there) {
            before = {vote.integer(0), vote.integer(1)};
        }
    }
    const member_vote now = changed(before, given);
    if (now == before) {
        return given.goodsid;
    }
    auto all = read_summary<Query>(on, given.goodsid);
    if (!all) {
        return tl::unexpected{all.error()};
    }
    count(*all, before, -1);
    count(*all, now, 1);
    auto done = store_vote<Query>(on, given, now);
    if (done) {
        done = store_summary<Query>(on, given.goodsid, *all);
    }
    return done ? result<std::int64_t>{given.goodsid} : tl::unexpected{std::move(done.error())};
}

/// Removes all votes for a product that is removed.
template <class Query, class Connection>
result<void> remove_all_votes(Connection& on, std::int64_t goodsid) {
    using namespace voting_parts;
    Query votes{on, remove_votes};
    if (auto done = executed(votes.bind(goodsid)); !done) {
        return done;
    }
    Query summary{on, remove_summary};
    return executed(summary.bind(goodsid));
}

/// The statements of a ranking: by likes, by likes in one category, and the same by rating and by
/// sales (rank_key).
using ranking_statements = std::array<std::array<std::string_view, 2>, 3>;

/// Parameters of the statement: the category if there is one, and the number of rows. Its columns
/// are those of goods_view_of().
template <class Query, class Connection>
result<page> read_ranking(
    Connection& on,
    const ranking_statements& all,
    const goods_ranking& wanted,
    goods_writer write
) {
    const auto& of_key = all[static_cast<std::size_t>(wanted.by)];
    Query rows{on, of_key[wanted.category ? 1 : 0]};
    if (wanted.category) {
        rows.bind(*wanted.category);
    }
    page_builder builder{{.limit = wanted.limit}};
    return read_page(rows.bind(wanted.limit), std::move(builder), goods_view_of<Query>, write);
}

} // namespace msd::store
