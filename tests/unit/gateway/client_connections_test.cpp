// SPDX-License-Identifier: Apache-2.0
#include "gateway/client_connections.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <utility>
#include <vector>

namespace msd::gateway {
namespace {

TEST(client_connections, are_counted_for_each_client_until_they_end) {
    client_connections all;
    std::vector<client_connections::place> held;
    for (int n = 0; n < 3; ++n) {
        auto taken = all.take("192.0.2.1", 3);
        ASSERT_TRUE(taken);
        held.push_back(std::move(*taken));
    }
    EXPECT_FALSE(all.take("192.0.2.1", 3));
    EXPECT_TRUE(all.take("192.0.2.2", 3));
    EXPECT_EQ(all.clients(), 1U);
    held.pop_back();
    EXPECT_TRUE(all.take("192.0.2.1", 3));
    held.clear();
    EXPECT_EQ(all.clients(), 0U);
    const auto uncounted = all.take("192.0.2.1", 0);
    EXPECT_TRUE(uncounted);
    EXPECT_EQ(all.clients(), 0U);
}

TEST(client_connections, of_one_ipv6_network_are_those_of_one_client) {
    client_connections all;
    const auto first = all.take("2001:db8::1", 1);
    EXPECT_TRUE(first);
    EXPECT_FALSE(all.take("2001:db8::2", 1));
    EXPECT_TRUE(all.take("2001:db8:0:1::1", 1));
}

TEST(client_connections, are_reported_once_a_minute) {
    client_connections all;
    const time_point now{std::chrono::seconds{1000}};
    const auto held = all.take("192.0.2.1", 1);
    EXPECT_FALSE(all.take_report(now));
    EXPECT_FALSE(all.take("192.0.2.1", 1));
    EXPECT_FALSE(all.take("192.0.2.1", 1));
    const auto first = all.take_report(now);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->connections, 2U);
    EXPECT_EQ(first->last_from, "192.0.2.1");
    EXPECT_FALSE(all.take("192.0.2.1", 1));
    EXPECT_FALSE(all.take_report(now + std::chrono::seconds{59}));
    EXPECT_TRUE(all.take_report(now + std::chrono::seconds{60}));
    EXPECT_FALSE(all.take_report(now + std::chrono::seconds{180}));
}

} // namespace
} // namespace msd::gateway
