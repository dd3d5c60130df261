// SPDX-License-Identifier: Apache-2.0
#include "core/redelivery.hpp"

#include <gtest/gtest.h>

namespace msd::core {
namespace {

TEST(redelivery, pauses_grow_and_end_with_the_fifth_failure) {
    const redelivery plan{milliseconds{1000}};
    EXPECT_EQ(plan.pause_after(1), milliseconds{1000});
    EXPECT_EQ(plan.pause_after(2), milliseconds{5000});
    EXPECT_EQ(plan.pause_after(3), milliseconds{30'000});
    EXPECT_EQ(plan.pause_after(4), milliseconds{120'000});
    EXPECT_EQ(plan.pause_after(5), std::nullopt);
    EXPECT_EQ(plan.pause_after(6), std::nullopt);
    EXPECT_EQ(plan.pause_after(0), std::nullopt);
}

TEST(redelivery, pauses_are_multiples_of_the_first) {
    EXPECT_EQ(redelivery{milliseconds{7}}.pause_after(3), milliseconds{210});
}

} // namespace
} // namespace msd::core
