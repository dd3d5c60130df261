// SPDX-License-Identifier: Apache-2.0
#include "core/input_budget.hpp"

#include <gtest/gtest.h>
#include <list>
#include <memory>
#include <vector>

namespace msd::core {
namespace {

constexpr time_point start{std::chrono::hours{1}};

struct connection final : input_budget::holder {
    explicit connection(input_budget& budget) : share{&budget, *this} {}
    [[nodiscard]] time_point unfinished_since() const override { return since; }
    void reclaim() override { is_reclaimed = true; }

    time_point since = time_point::max();
    bool is_reclaimed = false;
    input_budget::share share;
};

connection& add(std::list<connection>& all, input_budget& budget, std::size_t bytes, int age_ms) {
    connection& added = all.emplace_back(budget);
    added.since = age_ms < 0 ? time_point::max() : start - milliseconds{age_ms};
    EXPECT_TRUE(added.share.resize(bytes, start));
    return added;
}

TEST(input_budget, counts_what_the_shares_hold) {
    input_budget budget{1000};
    std::list<connection> all;
    connection& first = add(all, budget, 300, 1);
    add(all, budget, 200, 1);
    EXPECT_EQ(budget.used(), 500U);
    EXPECT_TRUE(first.share.resize(100, start));
    EXPECT_EQ(budget.used(), 300U);
    first.share.shrink(400);
    EXPECT_EQ(budget.used(), 300U) << "a share does not grow by shrinking";
    first.share.shrink(0);
    EXPECT_EQ(budget.used(), 200U);
    all.clear();
    EXPECT_EQ(budget.used(), 0U);
    EXPECT_EQ(budget.ended(), 0U);
}

TEST(input_budget, ends_nothing_up_to_the_bound) {
    input_budget budget{1000};
    std::list<connection> all;
    add(all, budget, 600, 1000);
    add(all, budget, 400, 0);
    EXPECT_FALSE(all.front().is_reclaimed);
    EXPECT_EQ(budget.used(), 1000U);
}

TEST(input_budget, ends_the_largest_of_equal_age_until_an_eighth_is_free) {
    input_budget budget{800};
    std::list<connection> all;
    connection& small = add(all, budget, 100, 50);
    connection& large = add(all, budget, 400, 50);
    connection& medium = add(all, budget, 250, 50);
    connection& last = add(all, budget, 60, 50);
    EXPECT_TRUE(large.is_reclaimed);
    EXPECT_FALSE(small.is_reclaimed || medium.is_reclaimed || last.is_reclaimed);
    EXPECT_EQ(large.share.bytes(), 0U);
    EXPECT_EQ(budget.used(), 410U);
    EXPECT_EQ(budget.ended(), 1U);
}

TEST(input_budget, ends_the_oldest_of_equal_size) {
    input_budget budget{800};
    std::list<connection> all;
    connection& young = add(all, budget, 200, 10);
    connection& oldest = add(all, budget, 200, 5000);
    connection& old = add(all, budget, 200, 400);
    connection& last = add(all, budget, 201, 0);
    EXPECT_TRUE(oldest.is_reclaimed);
    EXPECT_FALSE(young.is_reclaimed || old.is_reclaimed || last.is_reclaimed);
}

TEST(input_budget, serves_a_large_message_that_arrives_fast_beside_slow_small_ones) {
    input_budget budget{1000};
    std::list<connection> slow;
    for (int n = 0; n < 90; ++n) {
        add(slow, budget, 10, 30'000);
    }
    std::list<connection> fast;
    connection& large = add(fast, budget, 100, 5);
    EXPECT_TRUE(large.share.resize(400, start));
    EXPECT_FALSE(large.is_reclaimed);
    EXPECT_LE(budget.used(), 875U);
    EXPECT_EQ(budget.ended(), 43U) << "not more than needed";
}

TEST(input_budget, frees_idle_buffers_before_it_ends_a_connection) {
    input_budget budget{1000};
    std::list<connection> all;
    connection& idle = add(all, budget, 500, -1);
    connection& busy = add(all, budget, 400, 60'000);
    connection& last = add(all, budget, 300, 0);
    EXPECT_TRUE(idle.is_reclaimed);
    EXPECT_FALSE(busy.is_reclaimed || last.is_reclaimed);
    EXPECT_EQ(budget.used(), 700U);
    EXPECT_EQ(budget.ended(), 0U);
}

TEST(input_budget, reports_to_a_holder_that_it_is_ended_itself) {
    input_budget budget{1000};
    std::list<connection> all;
    connection& small = add(all, budget, 10, 1);
    connection& greedy = all.emplace_back(budget);
    greedy.since = start - milliseconds{100};
    EXPECT_TRUE(greedy.share.resize(900, start));
    EXPECT_FALSE(greedy.share.resize(1800, start));
    EXPECT_TRUE(greedy.is_reclaimed);
    EXPECT_FALSE(small.is_reclaimed);
    EXPECT_EQ(budget.used(), 10U);
}

TEST(input_budget, reports_when_it_has_ended_connections) {
    input_budget budget{1000};
    std::vector<std::uint64_t> reports;
    budget.on_ended([&](time_point at) {
        EXPECT_EQ(at, start);
        reports.push_back(budget.ended());
    });
    std::list<connection> all;
    add(all, budget, 600, -1);
    add(all, budget, 600, 10);
    EXPECT_TRUE(reports.empty()) << "freeing idle buffers ends nothing";
    add(all, budget, 600, 0);
    add(all, budget, 500, 0);
    EXPECT_EQ(reports, (std::vector<std::uint64_t>{1, 2}));
}

TEST(input_budget, is_not_needed_to_hold_a_share) {
    struct nobody final : input_budget::holder {
        [[nodiscard]] time_point unfinished_since() const override { return start; }
        void reclaim() override { ADD_FAILURE(); }
    } owner;
    input_budget::share share{nullptr, owner};
    EXPECT_TRUE(share.resize(std::size_t{1} << 40, start));
    share.shrink(1);
    EXPECT_EQ(share.bytes(), 0U);
}

} // namespace
} // namespace msd::core
