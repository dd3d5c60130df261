// SPDX-License-Identifier: Apache-2.0
#include "core/restart_policy.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace msd::core {
namespace {

using action = restart_policy::action;

constexpr time_point start{std::chrono::hours{1}};
constexpr int crashed = -1;
constexpr double no_jitter = 0;

constexpr time_point at(std::int64_t ms) {
    return start + milliseconds{ms};
}

// Deaths of one slot, each `lived_ms` after READY; where the replacement starts the next one is
// READY.
std::vector<std::int64_t> pauses_of_crash_loop(restart_policy& policy, int deaths, int lived_ms) {
    std::vector<std::int64_t> pauses;
    time_point now = start;
    for (int i = 0; i < deaths; ++i) {
        policy.ready(0, now);
        now += milliseconds{lived_ms};
        const auto verdict = policy.died(0, crashed, now, no_jitter);
        EXPECT_EQ(verdict.what, action::replace);
        pauses.push_back(std::chrono::duration_cast<milliseconds>(verdict.at - now).count());
        now = verdict.at;
    }
    return pauses;
}

using pauses = std::vector<std::int64_t>;

TEST(restart_policy, replaces_a_worker_that_served_at_once) {
    restart_policy policy{{}, 4};
    policy.ready(2, at(0));
    const auto verdict = policy.died(2, crashed, at(500), no_jitter);
    EXPECT_EQ(verdict.what, action::replace);
    EXPECT_EQ(verdict.at, at(500));
    EXPECT_FALSE(verdict.early);
}

TEST(restart_policy, calls_a_death_early_until_half_a_second_after_ready) {
    restart_policy policy{{}, 4};
    policy.ready(2, at(0));
    const auto verdict = policy.died(2, crashed, at(499), no_jitter);
    EXPECT_TRUE(verdict.early);
    EXPECT_EQ(verdict.at, at(599));
    EXPECT_EQ(policy.early_deaths(2), 1);
}

TEST(restart_policy, calls_a_death_before_ready_early_however_late_it_is) {
    restart_policy policy{{}, 1};
    policy.ready(0, at(0));
    [[maybe_unused]] const auto first = policy.died(0, crashed, at(1000), no_jitter);
    EXPECT_TRUE(policy.died(0, crashed, at(60'000), no_jitter).early);
}

TEST(restart_policy, doubles_the_pause_with_each_early_death_up_to_its_maximum) {
    restart_policy policy{{}, 1};
    EXPECT_EQ(
        pauses_of_crash_loop(policy, 11, 10),
        (pauses{100, 200, 400, 800, 1600, 3200, 6400, 12'800, 25'600, 30'000, 30'000})
    );
}

TEST(restart_policy, spreads_pauses_by_a_fifth) {
    restart_policy shortest{{}, 1};
    restart_policy longest{{}, 1};
    EXPECT_EQ(shortest.died(0, crashed, at(0), -1).at, at(80));
    EXPECT_EQ(longest.died(0, crashed, at(0), 1).at, at(120));
}

TEST(restart_policy, bounds_the_random_part_of_a_pause) {
    restart_policy policy{{}, 1};
    EXPECT_EQ(policy.died(0, crashed, at(0), 100).at, at(120));
}

TEST(restart_policy, counts_early_deaths_per_slot) {
    restart_policy policy{{}, 2};
    [[maybe_unused]] const auto first = policy.died(0, crashed, at(0), no_jitter);
    [[maybe_unused]] const auto second = policy.died(0, crashed, at(100), no_jitter);
    EXPECT_EQ(policy.died(1, crashed, at(200), no_jitter).at, at(300));
}

TEST(restart_policy, forgets_early_deaths_after_five_seconds_of_service) {
    restart_policy policy{{}, 1};
    EXPECT_EQ(pauses_of_crash_loop(policy, 3, 10), (pauses{100, 200, 400}));
    EXPECT_EQ(pauses_of_crash_loop(policy, 1, 5000), (pauses{0}));
    EXPECT_EQ(pauses_of_crash_loop(policy, 1, 10), (pauses{100}));
}

TEST(restart_policy, remembers_early_deaths_over_a_shorter_service) {
    restart_policy policy{{}, 1};
    EXPECT_EQ(pauses_of_crash_loop(policy, 3, 10), (pauses{100, 200, 400}));
    EXPECT_EQ(pauses_of_crash_loop(policy, 1, 4999), (pauses{0}));
    EXPECT_EQ(pauses_of_crash_loop(policy, 1, 10), (pauses{800}));
}

TEST(restart_policy, gives_up_after_ten_failures_of_a_pool_that_was_never_ready) {
    restart_policy policy{{}, 2};
    for (int failure = 0; failure < 9; ++failure) {
        const auto slot = static_cast<std::size_t>(failure % 2);
        EXPECT_EQ(policy.died(slot, 1, at(failure), no_jitter).what, action::replace);
    }
    EXPECT_EQ(policy.died(0, 1, at(9), no_jitter).what, action::give_up);
}

TEST(restart_policy, never_gives_up_once_any_slot_was_ready) {
    restart_policy policy{{}, 2};
    policy.ready(1, at(0));
    for (int failure = 0; failure < 100; ++failure) {
        EXPECT_EQ(policy.died(0, 1, at(failure), no_jitter).what, action::replace);
    }
}

TEST(restart_policy, does_not_retry_a_configuration_error) {
    restart_policy policy{{}, 2};
    EXPECT_EQ(policy.died(0, 78, at(0), no_jitter).what, action::leave_empty);
}

TEST(restart_policy, gives_up_when_every_slot_had_a_configuration_error) {
    restart_policy policy{{}, 2};
    EXPECT_EQ(policy.died(0, 78, at(0), no_jitter).what, action::leave_empty);
    EXPECT_EQ(policy.died(1, 78, at(1), no_jitter).what, action::give_up_configuration);
}

TEST(restart_policy, retries_a_configuration_error_with_growing_pauses_once_the_pool_has_served) {
    restart_policy policy{{}, 1};
    policy.ready(0, at(0));
    const auto first = policy.died(0, 78, at(60'000), no_jitter);
    EXPECT_EQ(first.what, action::replace);
    EXPECT_TRUE(first.early);
    EXPECT_EQ(first.at, at(60'100));
    EXPECT_EQ(policy.died(0, 78, at(60'100), no_jitter).at, at(60'300));
    for (int death = 0; death < 100; ++death) {
        EXPECT_EQ(policy.died(0, 78, at(61'000), no_jitter).what, action::replace);
    }
}

TEST(restart_policy, fills_empty_slots_again_on_request) {
    restart_policy policy{{}, 3};
    EXPECT_EQ(policy.died(1, 78, at(1), no_jitter).what, action::leave_empty);
    EXPECT_TRUE(policy.is_left_empty(1));
    policy.ready(0, at(2));
    EXPECT_EQ(policy.retry_left_empty(), (std::vector<std::size_t>{1}));
    EXPECT_TRUE(policy.retry_left_empty().empty());
    EXPECT_EQ(policy.died(1, 78, at(3), no_jitter).what, action::replace);
}

TEST(restart_policy, does_not_fill_a_slot_that_has_a_worker) {
    restart_policy policy{{}, 2};
    EXPECT_EQ(policy.died(0, 78, at(1), no_jitter).what, action::leave_empty);
    policy.ready(0, at(2)); // the worker of a roll
    EXPECT_TRUE(policy.retry_left_empty().empty());
}

TEST(restart_policy, continues_with_the_state_of_another_policy) {
    restart_policy first{{}, 2};
    first.ready(0, at(0));
    for (int death = 0; death < 3; ++death) {
        [[maybe_unused]] const auto verdict = first.died(1, crashed, at(death), no_jitter);
    }
    restart_policy second{{}, first.known()};
    EXPECT_EQ(second.known(), first.known());
    EXPECT_EQ(
        second.died(1, crashed, at(10), no_jitter).at,
        first.died(1, crashed, at(10), no_jitter).at
    );
    EXPECT_EQ(second.died(0, crashed, at(400), no_jitter).at, at(500));
}

TEST(restart_policy, caps_replacements_within_the_window) {
    restart_policy policy{{}, 1};
    time_point last{};
    for (int death = 0; death < 21; ++death) {
        policy.ready(0, at(0));
        const auto verdict = policy.died(0, crashed, at(1000 + death), no_jitter);
        EXPECT_FALSE(verdict.early);
        last = verdict.at;
    }
    EXPECT_EQ(last, at(11'000)); // ten seconds after the first of the last twenty
}

TEST(restart_policy, lets_larger_pools_replace_more) {
    restart_policy policy{{}, 6};
    for (int death = 0; death < 24; ++death) {
        policy.ready(0, at(0));
        EXPECT_EQ(policy.died(0, crashed, at(1000), no_jitter).at, at(1000)) << death;
    }
    policy.ready(0, at(0));
    EXPECT_EQ(policy.died(0, crashed, at(1000), no_jitter).at, at(11'000));
}

TEST(restart_policy, bounds_a_crash_loop_of_a_minute_to_eleven_starts_a_slot) {
    restart_policy policy{{}, 4};
    int starts = 4;
    for (std::size_t slot = 0; slot < 4; ++slot) {
        for (time_point now = start; now < at(60'000); ++starts) {
            policy.ready(slot, now);
            const auto died_at = now + milliseconds{100};
            now = policy.died(slot, crashed, died_at, no_jitter).at;
        }
    }
    EXPECT_LE(starts, 44);
}

} // namespace
} // namespace msd::core
