// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/in_flight.hpp"
#include "core/resilience/retry_budget.hpp"
#include "core/resilience/window.hpp"

#include <array>
#include <gtest/gtest.h>

namespace msd::core::resilience {
namespace {

constexpr time_point window_start{milliseconds{1'000'000}};

TEST(window, counts_the_current_second_and_the_nine_before) {
    window<2> counts{};
    for (int second = 0; second < 20; ++second) {
        counts.add({1, 2}, window_start + milliseconds{1000} * second);
    }
    const window<2>::counts ten{10, 20};
    EXPECT_EQ(counts.sums(window_start + milliseconds{19'999}), ten);
    const window<2>::counts three{3, 6};
    EXPECT_EQ(counts.sums(window_start + milliseconds{26'000}), three);
    EXPECT_EQ(counts.sums(window_start + milliseconds{29'000}), (window<2>::counts{}));
    counts.clear();
    EXPECT_EQ(counts.sums(window_start + milliseconds{19'999}), (window<2>::counts{}));
}

TEST(window, a_full_bucket_is_halved_so_that_ratios_stay) {
    window<3> counts{};
    for (int requests = 0; requests < 100'000; ++requests) {
        counts.add({2, 1, 0}, window_start);
    }
    const auto [all, failed, slow] = counts.sums(window_start);
    EXPECT_LE(all, window<3>::count_max);
    EXPECT_GT(all, window<3>::count_max / 3);
    EXPECT_NEAR(static_cast<double>(failed) / static_cast<double>(all), 0.5, 0.01);
    EXPECT_EQ(slow, 0U);
}

TEST(window, a_worker_with_an_old_time_does_not_clear_newer_counts) {
    window<2> counts{};
    counts.add({5, 0}, window_start + milliseconds{10'000});
    counts.add({1, 0}, window_start);
    EXPECT_EQ(counts.sums(window_start + milliseconds{10'000})[0], 6U);
}

TEST(window, counts_however_long_the_host_has_been_up) {
    for (int hours = 1; hours < 400; hours += 7) {
        window<2> counts{};
        const time_point now{std::chrono::hours{hours}};
        counts.add({3, 1}, now);
        EXPECT_EQ(counts.sums(now)[0], 3U) << hours;
        const time_point later = now + std::chrono::hours{100};
        counts.add({4, 1}, later);
        EXPECT_EQ(counts.sums(later)[0], 4U) << hours;
    }
}

TEST(window, any_stored_bits_give_sums_within_their_limits) {
    window<2> counts{};
    for (auto& cell : counts.cells) {
        cell = 0xFFFF'FFFF'FFFF'FFFF;
    }
    EXPECT_LE(counts.sums(window_start)[0], 10 * window<2>::count_max);
    counts.add({1, 1}, window_start);
    EXPECT_LE(counts.sums(window_start)[0], 10 * window<2>::count_max);
}

TEST(retry_budget, allows_a_fifth_of_the_requests_and_ten_per_second) {
    retry_budget budget{};
    const retry_budget_settings settings;
    for (int requests = 0; requests < 1000; ++requests) {
        budget.count_request(window_start + milliseconds{9} * requests);
    }
    const time_point now = window_start + milliseconds{9000};
    EXPECT_EQ(budget.available(settings, now), 300U);
    int taken = 0;
    while (budget.take(settings, now)) {
        ++taken;
    }
    EXPECT_EQ(taken, 300);
    EXPECT_FALSE(budget.take(settings, now + milliseconds{900}));
    EXPECT_TRUE(budget.take(settings, now + milliseconds{10'000}));
}

TEST(retry_budget, an_idle_service_has_ten_retries_per_second) {
    retry_budget budget{};
    int taken = 0;
    for (int ms = 0; ms < 30'000; ++ms) {
        taken += budget.take({}, window_start + milliseconds{ms}) ? 1 : 0;
    }
    EXPECT_EQ(taken, 300);
}

TEST(in_flight, the_limit_is_exact_and_a_dead_worker_is_subtracted) {
    shared_count total{};
    shared_count own{};
    shared_count dead{};
    begin_request(total, dead);
    begin_request(total, dead);
    EXPECT_TRUE(begin_request_below(3, total, own));
    EXPECT_FALSE(begin_request_below(3, total, own));
    EXPECT_EQ(requests_in(total), 3);
    reclaim_in_flight(total, dead);
    EXPECT_EQ(requests_in(total), 1);
    EXPECT_EQ(requests_in(dead), 0);
    end_request(total, own);
    EXPECT_EQ(requests_in(total), 0);
    total = -5;
    EXPECT_EQ(requests_in(total), 0);
}

} // namespace
} // namespace msd::core::resilience
