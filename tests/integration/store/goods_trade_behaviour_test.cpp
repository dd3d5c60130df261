// SPDX-License-Identifier: Apache-2.0
#include "integration/store/stores.hpp"

#include <fmt/format.h>

namespace msd::test {
namespace {

using store::event_batch;
using store::goods_sale;

class trade_in_goods : public repository_test {
protected:
    void SetUp() override {
        auto opened = wait(store::open_goods(settings(), soon()));
        ASSERT_TRUE(opened) << opened.error().text;
        goods_ = std::move(*opened);
    }

    std::int64_t add(std::optional<std::int64_t> stock, std::string category = "c") {
        const auto added =
            wait(goods_->add({"n", std::move(category), {}, "d", stock}, std::nullopt, soon()));
        EXPECT_TRUE(added) << added.error().text;
        return added.value_or(0);
    }

    std::optional<std::int64_t> stock_of(std::int64_t id) {
        const auto row = wait(goods_->find(id, soon()));
        EXPECT_TRUE(row) << row.error().text;
        return row->fields.stock;
    }
    std::int64_t sales_of(std::int64_t id) { return wait(goods_->find(id, soon()))->sales; }

    // Events at these positions; the position is the key, too.
    result<std::int64_t> sell(
        const std::vector<std::pair<std::int64_t, goods_sale>>& sales,
        std::int64_t generation = 1,
        std::int64_t floor = 0
    ) {
        event_batch<goods_sale> batch;
        batch.generation = generation;
        batch.floor = floor;
        for (const auto& [position, sale] : sales) {
            batch.events.push_back({position, fmt::format("key {}", position), sale});
        }
        return wait(goods_->count_sales(std::move(batch), soon()));
    }

    std::string ranking(std::optional<std::string> category = std::nullopt) {
        store::goods_ranking wanted;
        wanted.by = store::rank_key::sales;
        wanted.category = std::move(category);
        const auto rows = wait(goods_->rank(
            std::move(wanted),
            [](json::writer& out, const store::goods_view& row) { out.integer(row.id); },
            soon()
        ));
        EXPECT_TRUE(rows) << rows.error().text;
        return rows ? rows->rows : "";
    }

    std::unique_ptr<store::goods_repository> goods_;
};

TEST_P(trade_in_goods, reduces_a_stock_and_counts_sales) {
    const auto id = add(10);
    const auto unlimited = add(std::nullopt);
    EXPECT_EQ(sell({{1, {id, 3}}, {2, {unlimited, 7}}, {3, {id, -1}}}), 3);
    EXPECT_EQ(stock_of(id), 8);
    EXPECT_EQ(sales_of(id), 2);
    EXPECT_EQ(stock_of(unlimited), std::nullopt);
    EXPECT_EQ(sales_of(unlimited), 7);
    EXPECT_EQ(sell({{4, {id, 9}}}), 1);
    EXPECT_EQ(stock_of(id), -1) << "a purchase does not wait for the stock";
    EXPECT_EQ(sell({{5, {99, 1}}}), 1) << "a product that is gone";
}

TEST_P(trade_in_goods, counts_an_event_once) {
    const auto id = add(10);
    EXPECT_EQ(sell({{1, {id, 1}}, {2, {id, 1}}}), 2);
    EXPECT_EQ(sell({{1, {id, 1}}, {2, {id, 1}}, {3, {id, 1}}}), 1);
    EXPECT_EQ(stock_of(id), 7);
    EXPECT_EQ(sell({{4, {id, 1}}}, 1, 3), 1);
    EXPECT_EQ(sell({{2, {id, 1}}, {3, {id, 1}}}), 0) << "they are below the floor";
    EXPECT_EQ(stock_of(id), 6);
    EXPECT_EQ(sell({{5, {id, 1}}}, 0).error().code, errc::conflict) << "an earlier generation";
    EXPECT_EQ(sell({{4, {id, 1}}, {1, {id, 1}}}, 2), 1) << "a new log; 4 has a note";
    EXPECT_EQ(stock_of(id), 5);
}

TEST_P(trade_in_goods, replaces_a_stock) {
    const auto id = add(10);
    const auto replace = [&](std::optional<std::int64_t> stock) {
        EXPECT_TRUE(wait(goods_->replace({id, {"n", "c", {}, "d", stock}}, std::nullopt, soon())));
    };
    sell({{1, {id, 3}}});
    replace(std::nullopt);
    EXPECT_EQ(stock_of(id), std::nullopt);
    EXPECT_EQ(sales_of(id), 3);
    sell({{2, {id, 3}}});
    replace(5);
    EXPECT_EQ(stock_of(id), 5);
    EXPECT_EQ(sales_of(id), 6);
    EXPECT_EQ(wait(goods_->remove(id, std::nullopt, soon())), 1);
    EXPECT_EQ(ranking(), "");
}

TEST_P(trade_in_goods, ranks_by_sales) {
    const auto a = add(std::nullopt, "a");
    const auto b = add(std::nullopt, "b");
    const auto c = add(std::nullopt, "a");
    const auto never = add(5, "a");
    sell({{1, {a, 2}}, {2, {b, 5}}, {3, {c, 2}}, {4, {never, 1}}, {5, {never, -1}}});
    EXPECT_EQ(ranking(), fmt::format("{},{},{}", b, a, c));
    EXPECT_EQ(ranking("a"), fmt::format("{},{}", a, c));
}

INSTANTIATE_TEST_SUITE_P(every_store, trade_in_goods, testing::ValuesIn(all_stores()), name_of);

} // namespace
} // namespace msd::test
