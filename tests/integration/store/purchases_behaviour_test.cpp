// SPDX-License-Identifier: Apache-2.0
#include "integration/store/stores.hpp"

#include <fmt/format.h>

namespace msd::test {
namespace {

using store::idempotency;
using store::purchase_fields;

// The text of a row for comparisons: "goodsid|quantity|price|date".
void write_row(json::writer& out, const store::purchase_row& row) {
    const auto price = row.fields.price ? row.fields.price->text() : "none";
    out.string(
        fmt::format("{}|{}|{}|{}", row.fields.goodsid, row.fields.quantity, price, row.date_ms)
    );
}

class purchases_repository : public repository_test {
protected:
    void SetUp() override {
        auto opened = wait(store::open_purchases(settings(), soon()));
        ASSERT_TRUE(opened) << opened.error().text;
        purchases_ = std::move(*opened);
    }

    std::int64_t add(purchase_fields fields) {
        const auto added = wait(purchases_->add(fields, std::nullopt, soon()));
        EXPECT_TRUE(added) << added.error().text;
        return added.value_or(0);
    }

    store::page list(std::int64_t userid, store::page_query query = {}) {
        return wait(purchases_->list(userid, query, write_row, soon())).value();
    }

    std::unique_ptr<store::purchases_repository> purchases_;
};

TEST_P(purchases_repository, lists_the_purchases_of_one_member) {
    add({.userid = 1, .goodsid = 10, .quantity = 2, .price = money::parse("0.5").value()});
    now_ms_ += 5;
    add({.userid = 2, .goodsid = 10, .quantity = 1, .price = {}});
    add({.userid = 1, .goodsid = 11, .quantity = -3, .price = {}});
    const auto rows = list(1);
    EXPECT_EQ(rows.rows, R"("10|2|0.5|1700000000000","11|-3|none|1700000000005")");
    EXPECT_EQ(rows.count, 2U);
    EXPECT_EQ(list(3).count, 0U);
}

TEST_P(purchases_repository, distinguishes_a_price_of_zero_from_no_price) {
    add({.userid = 1, .goodsid = 10, .price = money{}});
    EXPECT_EQ(list(1).rows, R"("10|1|0|1700000000000")");
}

TEST_P(purchases_repository, keeps_the_largest_numbers_exactly) {
    const auto huge = std::numeric_limits<std::int64_t>::max();
    add(
        {.userid = huge,
         .goodsid = huge,
         .quantity = std::numeric_limits<std::int64_t>::min(),
         .price = money::from_e4(money::e4_max).value()}
    );
    EXPECT_EQ(
        list(huge).rows,
        R"("9223372036854775807|-9223372036854775808|900000000000000|1700000000000")"
    );
}

TEST_P(purchases_repository, pages_by_id) {
    std::vector<std::int64_t> ids;
    for (int i = 0; i < 5; ++i) {
        ids.push_back(add({.userid = 1, .goodsid = 20 + i, .price = {}}));
        add({.userid = 2, .goodsid = 1, .price = {}});
    }
    const auto first = list(1, {.after = 0, .limit = 2});
    EXPECT_EQ(first.count, 2U);
    EXPECT_EQ(first.next, ids[1]);
    const auto rest = list(1, {.after = *first.next, .limit = 1000});
    EXPECT_EQ(rest.count, 3U);
    EXPECT_FALSE(rest.next);
}

TEST_P(purchases_repository, executes_a_repeated_purchase_once) {
    const idempotency once{.key = "k", .fingerprint = "f"};
    const purchase_fields fields{.userid = 1, .goodsid = 10, .price = {}};
    const auto first = wait(purchases_->add(fields, once, soon()));
    const auto repeat = wait(purchases_->add(fields, once, soon()));
    ASSERT_TRUE(first && repeat);
    EXPECT_EQ(*first, *repeat);
    EXPECT_EQ(wait(purchases_->recall(once, soon())).value(), *first);
    EXPECT_EQ(list(1).count, 1U);
}

INSTANTIATE_TEST_SUITE_P(stores, purchases_repository, testing::ValuesIn(all_stores()), name_of);

} // namespace
} // namespace msd::test
