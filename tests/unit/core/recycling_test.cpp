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

TEST(recycling_limits, of_requests_are_reached_by_that_number) {
    const recycling_limits limits{.requests = 200};
    EXPECT_FALSE(limits.reached_by_requests(199, 0));
    EXPECT_TRUE(limits.reached_by_requests(200, 0));
}

TEST(recycling_limits, allow_each_worker_its_percentage_more) {
    const recycling_limits limits{.requests = 200};
    EXPECT_FALSE(limits.reached_by_requests(249, 25));
    EXPECT_TRUE(limits.reached_by_requests(250, 25));
}

TEST(recycling_limits, are_none_by_default) {
    const recycling_limits limits;
    EXPECT_FALSE(limits.reached_by_requests(1'000'000, 0));
    EXPECT_FALSE(limits.watches_memory_from(0));
}

TEST(recycling_limits, ignore_a_worker_that_started_above_the_memory_limit) {
    const recycling_limits limits{.bytes = 4096};
    EXPECT_TRUE(limits.watches_memory_from(0)); // not measured
    EXPECT_TRUE(limits.watches_memory_from(4095));
    EXPECT_FALSE(limits.watches_memory_from(4096));
}

TEST(recycling_turns, visit_all_pools_with_a_due_worker_in_turn) {
    recycling_turns turns;
    EXPECT_EQ(turns.take(3, among({0, 1, 2}), start), 0U);
    EXPECT_EQ(turns.take(3, among({0, 1, 2}), start), 1U);
    EXPECT_EQ(turns.take(3, among({0, 1, 2}), start), 2U);
    EXPECT_EQ(turns.take(3, among({0, 1, 2}), start), 0U);
}

TEST(recycling_turns, skip_pools_without_a_due_worker) {
    recycling_turns turns;
    EXPECT_EQ(turns.take(3, among({1}), start), 1U);
    EXPECT_EQ(turns.take(3, among({1}), start), 1U);
    EXPECT_EQ(turns.take(3, among({0, 1}), start), 0U);
    EXPECT_EQ(turns.take(3, among({}), start), std::nullopt);
    EXPECT_EQ(turns.take(0, among({}), start), std::nullopt);
}

TEST(recycling_turns, pause_after_a_failure_and_continue_with_the_next_pool) {
    recycling_turns turns;
    EXPECT_EQ(turns.take(2, among({0, 1}), start), 0U);
    turns.pause_until(start + milliseconds{30'000});
    EXPECT_EQ(turns.take(2, among({0, 1}), start + milliseconds{29'999}), std::nullopt);
    EXPECT_EQ(turns.take(2, among({0, 1}), start + milliseconds{30'000}), 1U);
}

} // namespace
} // namespace msd::core
