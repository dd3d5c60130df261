// SPDX-License-Identifier: Apache-2.0
#include "core/recycling.hpp"

#include <gtest/gtest.h>
#include <set>
#include <utility>

namespace msd::core {
namespace {

constexpr time_point start{std::chrono::seconds{100}};

std::function<bool(std::size_t)> among(std::set<std::size_t> due) {
    return [due = std::move(due)](std::size_t pool) {
        return due.contains(pool);
    };
}

TEST(recycling_limits, of_requests_are_reached_by_as_many) {
    const recycling_limits limits{.requests = 200};
    EXPECT_FALSE(limits.reached_by_requests(199, 0));
    EXPECT_TRUE(limits.reached_by_requests(200, 0));
}

TEST(recycling_limits, allow_a_worker_its_share_of_requests_more) {
    const recycling_limits limits{.requests = 200};
    EXPECT_FALSE(limits.reached_by_requests(249, 25));
    EXPECT_TRUE(limits.reached_by_requests(250, 25));
}

TEST(recycling_limits, are_none_by_default) {
    const recycling_limits limits;
    EXPECT_FALSE(limits.reached_by_requests(1'000'000, 0));
    EXPECT_FALSE(limits.watches_memory_from(0));
}

TEST(recycling_limits, do_not_count_for_who_began_with_too_much_memory) {
    const recycling_limits limits{.bytes = 4096};
    EXPECT_TRUE(limits.watches_memory_from(0)); // nobody asked
    EXPECT_TRUE(limits.watches_memory_from(4095));
    EXPECT_FALSE(limits.watches_memory_from(4096));
}

TEST(recycling_turns, go_round_all_pools_that_have_one_due) {
    recycling_turns turns;
    EXPECT_EQ(turns.take(3, among({0, 1, 2}), start), 0U);
    EXPECT_EQ(turns.take(3, among({0, 1, 2}), start), 1U);
    EXPECT_EQ(turns.take(3, among({0, 1, 2}), start), 2U);
    EXPECT_EQ(turns.take(3, among({0, 1, 2}), start), 0U);
}

TEST(recycling_turns, pass_over_who_has_none_due) {
    recycling_turns turns;
    EXPECT_EQ(turns.take(3, among({1}), start), 1U);
    EXPECT_EQ(turns.take(3, among({1}), start), 1U);
    EXPECT_EQ(turns.take(3, among({0, 1}), start), 0U);
    EXPECT_EQ(turns.take(3, among({}), start), std::nullopt);
    EXPECT_EQ(turns.take(0, among({}), start), std::nullopt);
}

TEST(recycling_turns, end_for_a_while_after_a_failure_and_go_on_with_the_next) {
    recycling_turns turns;
    EXPECT_EQ(turns.take(2, among({0, 1}), start), 0U);
    turns.pause_until(start + milliseconds{30'000});
    EXPECT_EQ(turns.take(2, among({0, 1}), start + milliseconds{29'999}), std::nullopt);
    EXPECT_EQ(turns.take(2, among({0, 1}), start + milliseconds{30'000}), 1U);
}

} // namespace
} // namespace msd::core
