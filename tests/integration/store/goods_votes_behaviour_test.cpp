// SPDX-License-Identifier: Apache-2.0
#include "integration/store/stores.hpp"
#include "store/sqlite/connection.hpp"

#include <map>
#include <random>

namespace msd::test {
namespace {

using store::goods_vote;
using store::goods_votes;
using store::idempotency;
using enum store::vote_kind;

class votes_of_goods : public repository_test {
protected:
    void SetUp() override {
        auto opened = wait(store::open_goods(settings(), soon()));
        ASSERT_TRUE(opened) << opened.error().text;
        goods_ = std::move(*opened);
    }

    std::int64_t add(std::string category = "c") {
        const auto added =
            wait(goods_->add({"n", std::move(category), {}, "d"}, std::nullopt, soon()));
        EXPECT_TRUE(added) << added.error().text;
        return added.value_or(0);
    }

    errc vote(const goods_vote& given, std::optional<idempotency> once = std::nullopt) {
        const auto counted = wait(goods_->vote(given, std::move(once), soon()));
        return counted ? errc{} : counted.error().code;
    }

    goods_votes votes_of(std::int64_t id) {
        const auto row = wait(goods_->find(id, soon()));
        EXPECT_TRUE(row) << row.error().text;
        return row ? row->votes : goods_votes{};
    }

    std::unique_ptr<store::goods_repository> goods_;
};

TEST_P(votes_of_goods, a_member_has_one_vote) {
    const auto id = add();
    EXPECT_EQ(votes_of(id), (goods_votes{}));
    for (int i = 0; i < 2; ++i) {
        vote({id, 1, like, 1});
        EXPECT_EQ(votes_of(id), (goods_votes{.likes = 1}));
    }
    vote({id, 1, dislike, 1});
    vote({id, 2, like, 1});
    EXPECT_EQ(votes_of(id), (goods_votes{.likes = 1, .dislikes = 1}));
    vote({id, 1, like, 0});
    EXPECT_EQ(votes_of(id), (goods_votes{.likes = 1, .dislikes = 1})) << "it was a dislike";
    vote({id, 1, dislike, 0});
    vote({id, 1, rating, 2});
    vote({id, 2, rating, 5});
    vote({id, 1, rating, 4});
    EXPECT_EQ(votes_of(id), (goods_votes{.likes = 1, .ratings = 2, .stars = 9}));
    EXPECT_EQ(votes_of(add()), (goods_votes{}));
}

TEST_P(votes_of_goods, only_existing_products_get_votes) {
    EXPECT_EQ(vote({99, 1, like, 1}), errc::not_found);
    EXPECT_EQ(vote({99, 1, rating, 5}), errc::not_found);
    const auto withdrawn = wait(goods_->vote({99, 1, like, 0}, std::nullopt, soon()));
    EXPECT_TRUE(withdrawn.has_value());
}

TEST_P(votes_of_goods, a_repeated_request_does_not_vote_again) {
    const auto id = add();
    const idempotency once{.key = "k", .fingerprint = "f"};
    vote({id, 1, like, 1}, once);
    vote({id, 1, like, 0});
    vote({id, 1, like, 1}, once);
    EXPECT_EQ(votes_of(id), (goods_votes{}));
}

TEST_P(votes_of_goods, counts_equal_the_votes_of_the_members) {
    const std::vector ids{add(), add(), add()};
    std::map<std::pair<std::int64_t, std::int64_t>, std::pair<int, int>> expected;
    std::mt19937 random{42};
    for (int i = 0; i < 250; ++i) {
        const goods_vote given{
            ids[random() % ids.size()],
            static_cast<std::int64_t>(random() % 6),
            store::vote_kind{static_cast<std::uint8_t>(random() % 3)},
            0};
        auto cast = given;
        cast.value = given.kind == rating ? static_cast<std::int64_t>(random() % 5) + 1
                                          : static_cast<std::int64_t>(random() % 2);
        vote(cast);
        auto& [opinion, stars] = expected[{cast.goodsid, cast.userid}];
        const int meant = cast.kind == like ? 1 : -1;
        if (cast.kind == rating) {
            stars = static_cast<int>(cast.value);
        } else if (cast.value > 0) {
            opinion = meant;
        } else if (opinion == meant) {
            opinion = 0;
        }
    }
    for (const auto id : ids) {
        goods_votes counted;
        for (const auto& [whose, what] : expected) {
            if (whose.first == id) {
                counted.likes += what.first > 0 ? 1 : 0;
                counted.dislikes += what.first < 0 ? 1 : 0;
                counted.ratings += what.second > 0 ? 1 : 0;
                counted.stars += what.second;
            }
        }
        EXPECT_EQ(votes_of(id), counted);
    }
}

TEST_P(votes_of_goods, a_removed_product_leaves_no_votes) {
    const auto id = add();
    vote({id, 1, like, 1});
    ASSERT_EQ(wait(goods_->remove(id, std::nullopt, soon())), 1);
    EXPECT_EQ(vote({id, 2, like, 1}), errc::not_found);
    if (!settings().server.url.empty()) {
        return;
    }
    using store::sqlite::connection;
    auto on = connection::open(settings().data_dir / "goods.db", connection::purpose::reading);
    ASSERT_TRUE(on) << on.error().text;
    store::sqlite::query rows{
        *on,
        "SELECT (SELECT COUNT(*) FROM goods_votes) + (SELECT COUNT(*) FROM goods_summary)"};
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.integer(0), 0);
}

TEST_P(votes_of_goods, rankings_have_the_best_first) {
    const std::vector ids{add("a"), add("b"), add("a"), add("b")};
    const auto ranking = [this](const store::goods_ranking& wanted) {
        const auto rows = wait(goods_->rank(
            wanted,
            [](json::writer& out, const store::goods_view& row) { out.integer(row.id); },
            soon()
        ));
        EXPECT_TRUE(rows) << rows.error().text;
        return rows ? rows->rows : "";
    };
    using store::rank_key;
    const auto text = [&ids](std::initializer_list<std::size_t> places) {
        std::string all;
        for (const auto place : places) {
            all += (all.empty() ? "" : ",") + std::to_string(ids[place]);
        }
        return all;
    };
    EXPECT_EQ(ranking({.by = rank_key::likes}), "");
    for (const auto& [place, members] : {std::pair{0U, 1}, {1U, 12}, {2U, 2}}) {
        for (int member = 1; member <= members; ++member) {
            vote({ids[place], member, like, 1});
        }
    }
    vote({ids[3], 1, dislike, 1});
    vote({ids[3], 1, rating, 5});
    vote({ids[3], 2, rating, 4});
    vote({ids[0], 1, rating, 4});
    vote({ids[0], 2, rating, 5});
    vote({ids[1], 1, rating, 5});
    EXPECT_EQ(ranking({.by = rank_key::likes}), text({1, 2, 0}));
    EXPECT_EQ(ranking({.by = rank_key::likes, .limit = 2}), text({1, 2}));
    EXPECT_EQ(ranking({.by = rank_key::likes, .category = "a"}), text({2, 0}));
    EXPECT_EQ(ranking({.by = rank_key::rating}), text({1, 0, 3})) << "ties by id";
    EXPECT_EQ(ranking({.by = rank_key::rating, .limit = 1, .category = "a"}), text({0}));
    EXPECT_EQ(ranking({.by = rank_key::likes, .category = "none"}), "");
    ASSERT_EQ(wait(goods_->remove(ids[1], std::nullopt, soon())), 1);
    EXPECT_EQ(ranking({.by = rank_key::likes}), text({2, 0}));
}

INSTANTIATE_TEST_SUITE_P(stores, votes_of_goods, testing::ValuesIn(all_stores()), name_of);

} // namespace
} // namespace msd::test
