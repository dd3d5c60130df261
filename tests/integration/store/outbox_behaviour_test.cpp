// SPDX-License-Identifier: Apache-2.0
#include "integration/store/stores.hpp"
#include "store/outbox.hpp"

namespace msd::test {
namespace {

using store::idempotency;
using store::outbox_batch;
using store::outbox_step;

class outboxes : public repository_test {
protected:
    void SetUp() override {
        auto opened = wait(store::open_purchases(settings(), soon()));
        ASSERT_TRUE(opened) << opened.error().text;
        purchases_ = std::move(*opened);
    }

    std::int64_t buy(std::int64_t userid, std::optional<idempotency> once = std::nullopt) {
        const auto added = wait(purchases_->add(
            {.userid = userid, .goodsid = 2, .quantity = 3, .price = money::parse("1.5").value()},
            std::move(once),
            soon()
        ));
        EXPECT_TRUE(added) << added.error().text;
        return added.value_or(0);
    }

    outbox_batch take(const std::string& holder, std::vector<std::int64_t> sent = {}) {
        outbox_step step;
        step.holder = holder;
        step.now_ms = now_ms_;
        step.sent = std::move(sent);
        step.limit = 40;
        auto taken = wait(purchases_->unsent().take(std::move(step), soon()));
        EXPECT_TRUE(taken) << taken.error().text;
        return *std::move(taken);
    }

    static std::vector<std::int64_t> rows_of(const outbox_batch& batch) {
        std::vector<std::int64_t> rows;
        for (const auto& each : batch.events) {
            rows.push_back(each.row);
        }
        return rows;
    }

    std::unique_ptr<store::purchases_repository> purchases_;
};

TEST_P(outboxes, have_an_event_for_each_write) {
    EXPECT_EQ(wait(purchases_->unsent().waiting(soon())), 0);
    const auto id = buy(7);
    EXPECT_EQ(wait(purchases_->unsent().waiting(soon())), 1);
    const auto batch = take("a");
    ASSERT_EQ(batch.events.size(), 1U);
    const auto& event = batch.events[0];
    EXPECT_EQ(event.type, "purchased");
    EXPECT_EQ(event.subject, "members/7");
    EXPECT_EQ(event.time_ms, now_ms_);
    EXPECT_EQ(event.id.size(), 36U);
    EXPECT_EQ(
        event.data,
        R"({"id":)" + std::to_string(id) +
            R"(,"userid":7,"goodsid":2,"quantity":3,"price":1.5,"date_ms":1700000000000})"
    );
}

TEST_P(outboxes, have_one_event_for_a_repeated_write) {
    const idempotency once{.key = "k", .fingerprint = "f"};
    EXPECT_EQ(buy(7, once), buy(7, once));
    EXPECT_EQ(take("a").events.size(), 1U);
}

TEST_P(outboxes, keep_an_event_until_it_is_published) {
    for (std::int64_t userid = 1; userid <= 70; ++userid) {
        buy(userid);
    }
    EXPECT_EQ(wait(purchases_->unsent().waiting(soon())), 70);
    const auto first = take("a");
    ASSERT_EQ(first.events.size(), 40U);
    EXPECT_EQ(rows_of(take("a")), rows_of(first));
    const auto second = take("a", rows_of(first));
    ASSERT_EQ(second.events.size(), 30U);
    EXPECT_EQ(wait(purchases_->unsent().waiting(soon())), 30);
    EXPECT_EQ(second.events[0].subject, "members/41");
    EXPECT_TRUE(take("a", rows_of(second)).events.empty());
    EXPECT_EQ(wait(purchases_->unsent().waiting(soon())), 0);
}

TEST_P(outboxes, give_the_turn_to_one_at_a_time) {
    buy(1);
    EXPECT_TRUE(take("a").has_turn);
    const auto other = take("b");
    EXPECT_FALSE(other.has_turn);
    EXPECT_TRUE(other.events.empty());
    now_ms_ += 5000; // a is gone
    const auto taken = take("b");
    EXPECT_TRUE(taken.has_turn);
    ASSERT_EQ(taken.events.size(), 1U);
    EXPECT_FALSE(take("a").has_turn);
    EXPECT_TRUE(take("b", rows_of(taken)).events.empty());
    EXPECT_TRUE(take("a").has_turn) << "an empty outbox ends the turn";
}

INSTANTIATE_TEST_SUITE_P(every_store, outboxes, testing::ValuesIn(all_stores()), name_of);

} // namespace
} // namespace msd::test
