// SPDX-License-Identifier: Apache-2.0
#include "core/single_flight.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

using flights = single_flight<std::string>;

TEST(single_flight, lets_the_first_caller_make_the_request_and_the_others_share_its_outcome) {
    flights of;
    const auto first = of.join("a");
    const auto second = of.join("a");
    EXPECT_TRUE(first.leads);
    EXPECT_FALSE(second.leads);
    first.shared->outcome = "7";
    EXPECT_EQ(second.shared->outcome, "7");
    EXPECT_EQ(of.size(), 1U);
}

TEST(single_flight, distinguishes_keys) {
    flights of;
    const auto first = of.join("a");
    const auto other = of.join("b");
    EXPECT_TRUE(other.leads);
    EXPECT_NE(first.shared, other.shared);
}

TEST(single_flight, starts_a_new_request_after_the_end_of_one) {
    flights of;
    const auto first = of.join("a");
    of.end("a", *first.shared);
    EXPECT_EQ(of.size(), 0U);
    EXPECT_TRUE(of.join("a").leads);
}

TEST(single_flight, starts_a_new_request_after_a_change) {
    flights of;
    const auto before = of.join("a");
    const auto waiting = of.join("a");
    of.outdate("a");
    EXPECT_TRUE(waiting.shared->outdated);
    const auto after = of.join("a");
    EXPECT_TRUE(after.leads);
    EXPECT_FALSE(after.shared->outdated);
    of.end("a", *before.shared);
    EXPECT_EQ(of.size(), 1U) << "the end of the old one is not the end of the new one";
    EXPECT_FALSE(of.join("a").leads);
    of.end("a", *after.shared);
    EXPECT_EQ(of.size(), 0U);
}

TEST(single_flight, ignores_a_change_of_a_key_without_a_request) {
    flights of;
    of.outdate("a");
    EXPECT_TRUE(of.join("a").leads);
}

} // namespace
} // namespace msd::core
