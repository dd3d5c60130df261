// SPDX-License-Identifier: Apache-2.0
#include "core/rate_quota.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

constexpr time_point start{std::chrono::hours{1}};

time_point at(int ms) {
    return start + milliseconds{ms};
}

TEST(rate_quota, lets_a_sender_use_its_burst_and_then_its_rate) {
    rate_quota quota{{.each_per_s = 100, .burst = milliseconds{1000}}};
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(quota.take("a", 10, at(0))) << i;
    }
    EXPECT_FALSE(quota.take("a", 10, at(0)));
    EXPECT_FALSE(quota.take("a", 10, at(99)));
    EXPECT_TRUE(quota.take("a", 10, at(100)));
    EXPECT_FALSE(quota.take("a", 10, at(100)));
    EXPECT_TRUE(quota.take("a", 100, at(2000)));
    EXPECT_FALSE(quota.take("a", 1, at(2000))) << "silence saves at most one burst";
}

TEST(rate_quota, gives_each_sender_its_own_rate) {
    rate_quota quota{{.each_per_s = 100, .burst = milliseconds{1000}}};
    EXPECT_TRUE(quota.take("a", 100, at(0)));
    EXPECT_FALSE(quota.take("a", 100, at(0)));
    EXPECT_TRUE(quota.take("b", 100, at(0)));
}

TEST(rate_quota, limits_all_senders_together_and_charges_nobody_for_what_it_refuses) {
    rate_quota quota{{.total_per_s = 100, .each_per_s = 90, .burst = milliseconds{1000}}};
    EXPECT_TRUE(quota.take("a", 90, at(0)));
    EXPECT_FALSE(quota.take("b", 20, at(0)));
    EXPECT_TRUE(quota.take("b", 10, at(0)));
    EXPECT_TRUE(quota.take("b", 80, at(800))) << "b owes only what it sent";
}

TEST(rate_quota, lets_through_something_larger_than_the_burst_after_silence) {
    rate_quota quota{{.each_per_s = 100, .burst = milliseconds{1000}}};
    EXPECT_TRUE(quota.take("a", 1000, at(0)));
    EXPECT_FALSE(quota.take("a", 1, at(9000)));
    EXPECT_TRUE(quota.take("a", 1, at(9010)));
    EXPECT_TRUE(quota.take("b", ~std::uint64_t{0}, at(9010)));
}

TEST(rate_quota, has_no_limit_of_zero) {
    rate_quota quota{{}};
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(quota.take("a", 1'000'000'000, at(0)));
    }
}

TEST(rate_quota, counts_what_it_refuses_and_names_the_worst_sender) {
    rate_quota quota{{.each_per_s = 10, .burst = milliseconds{1000}}};
    EXPECT_FALSE(quota.has_refused());
    for (const char* const sender : {"a", "b", "b", "b", "a"}) {
        static_cast<void>(quota.take(sender, 10, at(0)));
    }
    EXPECT_TRUE(quota.has_refused());
    const auto refused = quota.take_refusals();
    EXPECT_EQ(refused.lines, 3U);
    EXPECT_EQ(refused.bytes, 30U);
    EXPECT_EQ(refused.most_from, "b");
    EXPECT_FALSE(quota.has_refused());
    EXPECT_EQ(quota.take_refusals().lines, 0U);
    EXPECT_EQ(quota.take_refusals().most_from, "");
}

TEST(rate_quota, lets_senders_beyond_its_places_share_one) {
    rate_quota quota{{.each_per_s = 10, .burst = milliseconds{1000}, .senders_max = 2}};
    EXPECT_TRUE(quota.take("a", 10, at(0)));
    EXPECT_TRUE(quota.take("b", 10, at(0)));
    EXPECT_TRUE(quota.take("c", 10, at(0)));
    EXPECT_FALSE(quota.take("d", 10, at(0))) << "c used the shared place";
    EXPECT_EQ(quota.take_refusals().most_from, "");
    EXPECT_TRUE(quota.take("d", 10, at(1000))) << "a and b made room";
    EXPECT_FALSE(quota.take("d", 10, at(1000)));
    EXPECT_TRUE(quota.take("e", 10, at(1000)));
}

TEST(quota_key, is_the_network_of_an_ipv6_address) {
    EXPECT_EQ(quota_key("10.0.0.1"), "10.0.0.1");
    EXPECT_EQ(quota_key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    EXPECT_EQ(quota_key("2001:db8:1:2::9"), "2001:db8:1:2::/64");
    EXPECT_NE(quota_key("2001:db8:1:3::9"), "2001:db8:1:2::/64");
    EXPECT_EQ(quota_key("::1"), "::/64");
    EXPECT_EQ(quota_key("fe80::1%eth0"), "fe80::/64");
    EXPECT_EQ(quota_key("a:b"), "a:b");
    EXPECT_EQ(quota_key(""), "");
}

} // namespace
} // namespace msd::core
