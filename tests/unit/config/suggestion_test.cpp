// SPDX-License-Identifier: Apache-2.0
#include "config/suggestion.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace msd::config {
namespace {

TEST(closest, finds_names_with_one_typing_error) {
    constexpr std::array<std::string_view, 3> names{"port", "workers", "host"};
    EXPECT_EQ(closest("prot", names), "port");
    EXPECT_EQ(closest("workes", names), "workers");
    EXPECT_EQ(closest("wrokerss", names), "workers");
    EXPECT_EQ(closest("pots", names), "");
}

TEST(closest, finds_nothing_for_an_empty_or_a_very_long_name) {
    EXPECT_EQ(closest("", {}), "");
    EXPECT_EQ(closest(std::string(1000, 'x'), std::array<std::string_view, 1>{"x"}), "");
}

} // namespace
} // namespace msd::config
