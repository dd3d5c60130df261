// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/endpoint_load.hpp"
#include "core/resilience/slow_start.hpp"

#include <gtest/gtest.h>

namespace msd::core::resilience {
namespace {

using std::chrono::microseconds;

constexpr time_point load_start{milliseconds{1'000'000}};

TEST(endpoint_load, a_peak_counts_at_once_and_loses_nine_tenths_in_ten_seconds) {
    endpoint_load load{};
    EXPECT_EQ(load.latency.value_us(), 0);
    load.observe(try_result::succeeded, microseconds{1000}, load_start);
    load.observe(try_result::succeeded, microseconds{11'000}, load_start + milliseconds{1});
    EXPECT_FLOAT_EQ(load.latency.value_us(), 11'000);
    for (int sample = 1; sample <= 1000; ++sample) {
        const time_point now = load_start + milliseconds{1 + 10 * sample};
        load.observe(try_result::succeeded, microseconds{1000}, now);
    }
    EXPECT_NEAR(load.latency.value_us(), 2000, 20);
}

TEST(endpoint_load, the_weight_of_a_sample_does_not_depend_on_the_rate) {
    endpoint_load often{};
    endpoint_load rarely{};
    often.observe(try_result::succeeded, microseconds{9000}, load_start);
    rarely.observe(try_result::succeeded, microseconds{9000}, load_start);
    for (int ms = 1; ms <= 5000; ++ms) {
        often.observe(try_result::succeeded, microseconds{1000}, load_start + milliseconds{ms});
    }
    rarely.observe(try_result::succeeded, microseconds{1000}, load_start + milliseconds{5000});
    EXPECT_NEAR(often.latency.value_us(), rarely.latency.value_us(), 20);
}

TEST(endpoint_load, a_fast_failure_does_not_make_an_endpoint_attractive) {
    endpoint_load load{};
    load.observe(try_result::succeeded, microseconds{5000}, load_start);
    const time_point later = load_start + milliseconds{60'000};
    load.observe(try_result::gateway_error, microseconds{10}, later);
    EXPECT_FLOAT_EQ(load.latency.value_us(), 5000);
    load.observe(try_result::timed_out, microseconds{250'000}, later);
    EXPECT_FLOAT_EQ(load.latency.value_us(), 250'000);
    load.observe(try_result::cancelled, microseconds{900'000}, later);
    EXPECT_FLOAT_EQ(load.latency.value_us(), 250'000);
}

TEST(endpoint_load, a_sample_of_a_worker_with_an_older_time_is_harmless) {
    endpoint_load load{};
    load.observe(try_result::succeeded, microseconds{5000}, load_start + milliseconds{50});
    load.observe(try_result::succeeded, microseconds{1000}, load_start);
    EXPECT_FLOAT_EQ(load.latency.value_us(), 5000);
}

TEST(endpoint_load, bits_that_are_no_latency_count_as_none) {
    endpoint_load load{};
    for (const std::uint64_t bits :
         {0xFFC0'0000'0000'0000ULL,
          0x7F80'0000'0000'0000ULL,
          0xC000'0000'0000'0000ULL,
          0x7F00'0000'0000'0000ULL}) {
        load.latency.cell = bits;
        EXPECT_EQ(load.latency.value_us(), 0);
    }
}

TEST(slow_start, grows_linearly_from_a_tenth_in_ten_seconds) {
    EXPECT_DOUBLE_EQ(slow_start.share(load_start, load_start), 0.1);
    EXPECT_DOUBLE_EQ(slow_start.share(load_start, load_start + milliseconds{5000}), 0.55);
    EXPECT_DOUBLE_EQ(slow_start.share(load_start, load_start + milliseconds{10'000}), 1);
    EXPECT_DOUBLE_EQ(slow_start.share(load_start, load_start - milliseconds{100}), 0.1);
    EXPECT_DOUBLE_EQ(slow_start.share(time_point{}, load_start), 1);
    constexpr ramp none{milliseconds{0}, 0.1};
    EXPECT_DOUBLE_EQ(none.share(load_start, load_start - milliseconds{10}), 1);
}

} // namespace
} // namespace msd::core::resilience
