// SPDX-License-Identifier: Apache-2.0
#include "integration/store/stores.hpp"

#include <fmt/format.h>

namespace msd::test {
namespace {

using store::event_batch;
using store::member_change;
using store::member_purchase;

class overviews_of_members : public repository_test {
protected:
    void SetUp() override {
        auto opened = wait(store::open_members(settings(), soon()));
        ASSERT_TRUE(opened) << opened.error().text;
        members_ = std::move(*opened);
    }

    // Events at the positions 1, 2, ….
    result<std::int64_t>
    apply(const std::vector<member_change>& changes, std::int64_t generation = 1) {
        event_batch<member_change> batch;
        batch.generation = generation;
        for (const member_change& each : changes) {
            const auto position = static_cast<std::int64_t>(batch.events.size()) + 1;
            batch.events.push_back({position, fmt::format("key {}", position), each});
        }
        return wait(members_->change_overviews(std::move(batch), soon()));
    }

    static member_change bought(std::int64_t id, std::int64_t quantity, std::string_view price) {
        return {
            7,
            std::nullopt,
            member_purchase{id, 3, quantity, money::parse(price).value(), 1000 * id}};
    }

    std::unique_ptr<store::members_repository> members_;
};

TEST_P(overviews_of_members, add_up_exactly) {
    EXPECT_EQ(wait(members_->overview(7, soon())).error().code, errc::not_found);
    const member_change joined{7, 500, std::nullopt};
    const member_change unknown_price{7, std::nullopt, member_purchase{13, 3, 1, {}, 13'000}};
    EXPECT_EQ(apply({joined, bought(11, 3, "0.1"), bought(12, -1, "0.1"), unknown_price}), 4);
    const auto found = wait(members_->overview(7, soon()));
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_EQ(found->joined_ms, 500);
    EXPECT_EQ(found->purchases, 3);
    EXPECT_EQ(found->pieces, 3);
    EXPECT_EQ(found->spent.text(), "0.2");
    ASSERT_EQ(found->last.size(), 3U);
    EXPECT_EQ(found->last[0].id, 13);
    EXPECT_EQ(found->last[0].price, std::nullopt);
    EXPECT_EQ(found->last[2].date_ms, 11'000);
}

TEST_P(overviews_of_members, stay_at_the_bounds_of_money) {
    EXPECT_EQ(apply({bought(1, 1'000'000, "900000000000000"), bought(2, 2, "-1")}), 2);
    EXPECT_EQ(wait(members_->overview(7, soon()))->spent.text(), "899999999999998");
}

TEST_P(overviews_of_members, have_the_last_purchases) {
    std::vector<member_change> changes;
    for (std::int64_t id = 1; id <= 25; ++id) {
        changes.push_back(bought(id, 1, "1"));
    }
    EXPECT_EQ(apply(changes), 25);
    const auto found = wait(members_->overview(7, soon()));
    EXPECT_EQ(found->purchases, 25);
    ASSERT_EQ(found->last.size(), 10U);
    EXPECT_EQ(found->last.front().id, 25);
    EXPECT_EQ(found->last.back().id, 16);
}

TEST_P(overviews_of_members, are_made_again_when_the_group_begins_again) {
    const std::vector<member_change> changes{bought(1, 2, "3"), bought(2, 1, "1.5")};
    EXPECT_EQ(apply(changes), 2);
    EXPECT_EQ(apply(changes), 0);
    EXPECT_EQ(apply(changes, 2), 2);
    EXPECT_EQ(wait(members_->overview(7, soon()))->spent.text(), "7.5");
    EXPECT_EQ(apply(changes, 1).error().code, errc::conflict);
    EXPECT_EQ(apply({changes[0]}, 3), 1);
    EXPECT_EQ(wait(members_->overview(7, soon()))->last.size(), 1U);
}

TEST_P(overviews_of_members, have_an_event_for_each_new_member) {
    const auto id = wait(members_->add("lena", {"hash", ""}, std::nullopt, soon()));
    ASSERT_TRUE(id) << id.error().text;
    EXPECT_EQ(
        wait(members_->add("lena", {"hash", ""}, std::nullopt, soon())).error().code,
        errc::conflict
    );
    store::outbox_step step;
    step.holder = "a";
    step.limit = 10;
    const auto batch = wait(members_->unsent().take(std::move(step), soon()));
    ASSERT_TRUE(batch) << batch.error().text;
    ASSERT_EQ(batch->events.size(), 1U);
    EXPECT_EQ(batch->events[0].type, "member.joined");
    EXPECT_EQ(batch->events[0].subject, fmt::format("members/{}", *id));
    EXPECT_EQ(
        batch->events[0].data,
        fmt::format(R"({{"id":{},"date_ms":{}}})", *id, now_ms_.load())
    );
}

INSTANTIATE_TEST_SUITE_P(
    every_store,
    overviews_of_members,
    testing::ValuesIn(all_stores()),
    name_of
);

} // namespace
} // namespace msd::test
