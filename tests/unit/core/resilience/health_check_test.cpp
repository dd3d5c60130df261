// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/health_check.hpp"

#include <gtest/gtest.h>

namespace msd::core::resilience {
namespace {

using enum health;

constexpr time_point check_start{milliseconds{1'000'000}};

class health_checks : public ::testing::Test {
protected:
    health_change see(health result) { return cell.observe(result, settings); }

    health_cell cell{};
    check_settings settings;
};

TEST_F(health_checks, a_new_endpoint_is_unknown_and_due_at_once) {
    EXPECT_EQ(cell.now(), unknown);
    EXPECT_LE(cell.due(settings, check_start), check_start);
}

TEST_F(health_checks, the_first_check_decides_alone) {
    EXPECT_EQ(see(healthy), health_change::none);
    EXPECT_EQ(cell.now(), healthy);
    cell.clear();
    EXPECT_EQ(see(unreachable), health_change::fell);
    EXPECT_EQ(cell.now(), unreachable);
}

TEST_F(health_checks, three_failures_in_a_row_make_an_endpoint_unhealthy) {
    see(healthy);
    EXPECT_EQ(see(unhealthy), health_change::none);
    EXPECT_EQ(see(unreachable), health_change::none);
    EXPECT_EQ(see(healthy), health_change::none) << "begins anew";
    EXPECT_EQ(see(unhealthy), health_change::none);
    EXPECT_EQ(see(unhealthy), health_change::none);
    EXPECT_EQ(cell.now(), healthy);
    EXPECT_EQ(see(unhealthy), health_change::fell);
    EXPECT_EQ(cell.now(), unhealthy);
    EXPECT_EQ(see(unhealthy), health_change::none) << "one change, however many checks fail";
}

TEST_F(health_checks, two_good_ones_in_a_row_make_it_healthy_again) {
    see(unhealthy);
    EXPECT_EQ(see(healthy), health_change::none);
    EXPECT_EQ(see(unhealthy), health_change::none) << "begins anew";
    EXPECT_EQ(see(healthy), health_change::none);
    EXPECT_EQ(cell.now(), unhealthy);
    EXPECT_EQ(see(healthy), health_change::rose);
    EXPECT_EQ(cell.now(), healthy);
}

TEST_F(health_checks, the_kind_of_a_failure_can_change_without_a_rise) {
    see(unreachable);
    EXPECT_EQ(see(unhealthy), health_change::none);
    EXPECT_EQ(cell.now(), unhealthy) << "something listens there now";
    EXPECT_EQ(see(unreachable), health_change::none);
    EXPECT_EQ(cell.now(), unreachable);
}

TEST_F(health_checks, thresholds_that_shrink_apply_at_once) {
    see(healthy);
    see(unhealthy);
    settings.fall = 1;
    EXPECT_EQ(see(unhealthy), health_change::fell);
    settings.rise = 1;
    EXPECT_EQ(see(healthy), health_change::rose);
}

TEST_F(health_checks, one_worker_gets_each_check) {
    EXPECT_TRUE(cell.take(settings, check_start, 0.5));
    EXPECT_FALSE(cell.take(settings, check_start, 0.5)) << "another worker";
    EXPECT_EQ(cell.due(settings, check_start), check_start + settings.every);
    const time_point later = check_start + settings.every;
    EXPECT_FALSE(cell.take(settings, later - milliseconds{1}, 0.5));
    EXPECT_TRUE(cell.take(settings, later, 0.5)) << "whether the check before has ended or not";
}

TEST_F(health_checks, pauses_differ_by_ten_percent) {
    EXPECT_TRUE(cell.take(settings, check_start, 0));
    EXPECT_EQ(cell.due(settings, check_start), check_start + milliseconds{1800});
    cell.clear();
    EXPECT_TRUE(cell.take(settings, check_start, 0.999'999));
    EXPECT_GE(cell.due(settings, check_start), check_start + milliseconds{2199});
}

TEST_F(health_checks, a_time_that_no_worker_wrote_is_due) {
    cell.next_ms.store(~std::uint64_t{0});
    EXPECT_TRUE(cell.take(settings, check_start, 0.5));
    settings.every = milliseconds{100};
    EXPECT_TRUE(cell.take(settings, check_start + milliseconds{1}, 0.5)) << "a shorter interval";
}

TEST_F(health_checks, an_interval_of_zero_makes_none) {
    settings.every = milliseconds{0};
    EXPECT_FALSE(settings.is_on());
    EXPECT_FALSE(cell.take(settings, check_start, 0.5));
}

TEST(health_check, statuses_are_single_ones_and_ranges) {
    check_settings settings;
    EXPECT_TRUE(settings.accepts(200));
    EXPECT_TRUE(settings.accepts(399));
    EXPECT_FALSE(settings.accepts(400));
    settings.statuses = {*status_range_of("204"), *status_range_of("400-499")};
    EXPECT_FALSE(settings.accepts(200));
    EXPECT_TRUE(settings.accepts(204));
    EXPECT_TRUE(settings.accepts(404));
    EXPECT_EQ(text_of(settings.statuses[0]), "204");
    EXPECT_EQ(text_of(settings.statuses[1]), "400-499");
    for (const char* const wrong : {"", "abc", "99", "600", "300-200", "200-", "-200", "2000"}) {
        EXPECT_FALSE(status_range_of(wrong).has_value()) << wrong;
    }
}

} // namespace
} // namespace msd::core::resilience
