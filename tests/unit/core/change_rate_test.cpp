// SPDX-License-Identifier: Apache-2.0
#include "core/change_rate.hpp"
#include "core/paced_queue.hpp"

#include <gtest/gtest.h>
#include <optional>

namespace msd::core {
namespace {

constexpr time_point rate_start{milliseconds{1'000'000}};

TEST(change_rate, allows_a_burst_and_delays_what_follows) {
    change_rate rate{{5, 3}, rate_start};
    for (int change = 0; change < 3; ++change) {
        EXPECT_LE(rate.next(), rate_start);
        rate.take(1, rate_start);
    }
    EXPECT_GT(rate.next(), rate_start);
    EXPECT_LE(rate.next(), rate_start + milliseconds{200});
}

TEST(change_rate, a_large_change_delays_the_next_one_for_longer) {
    change_rate rate{{5, 2}, rate_start};
    rate.take(12, rate_start);
    EXPECT_GE(rate.next(), rate_start + milliseconds{2000});
    EXPECT_LE(rate.next(), rate_start + milliseconds{2002});
    rate.take(1, rate.next());
    EXPECT_GE(rate.next(), rate_start + milliseconds{2199});
}

TEST(change_rate, saves_no_more_than_a_burst) {
    change_rate rate{{5, 3}, rate_start};
    const time_point later = rate_start + milliseconds{3'600'000};
    rate.take(3, later);
    EXPECT_GT(rate.next(), later);
}

TEST(change_rate, a_steady_rate_is_not_delayed) {
    change_rate rate{{5, 3}, rate_start};
    time_point now = rate_start;
    for (int change = 0; change < 1000; ++change) {
        EXPECT_LE(rate.next(), now);
        rate.take(1, now);
        now += milliseconds{200};
    }
}

TEST(paced_queue, serves_each_peer_once_in_order) {
    paced_queue queue;
    queue.push(3);
    queue.push(1);
    queue.push(3);
    EXPECT_TRUE(queue.contains(3));
    EXPECT_EQ(queue.pop(), 3U);
    EXPECT_FALSE(queue.contains(3));
    queue.push(3);
    EXPECT_EQ(queue.pop(), 1U);
    EXPECT_EQ(queue.pop(), 3U);
    EXPECT_TRUE(queue.empty());
}

TEST(paced_queue, reports_a_state_when_all_were_served_that_waited_for_it) {
    paced_queue queue;
    queue.push(1);
    queue.push(2);
    queue.mark(10);
    queue.push(3);
    queue.mark(11);
    EXPECT_EQ(queue.take_reached(), std::nullopt);
    queue.pop();
    queue.push(1);
    queue.pop();
    EXPECT_EQ(queue.take_reached(), 10U);
    queue.pop();
    EXPECT_EQ(queue.take_reached(), 11U);
    queue.mark(12);
    EXPECT_EQ(queue.take_reached(), std::nullopt) << "the first peer waits again";
    queue.pop();
    EXPECT_EQ(queue.take_reached(), 12U);
    queue.mark(13);
    EXPECT_EQ(queue.take_reached(), 13U) << "nobody waits";
}

} // namespace
} // namespace msd::core
