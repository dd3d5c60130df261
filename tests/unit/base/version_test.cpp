// SPDX-License-Identifier: Apache-2.0
#include "base/version.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace msd {
namespace {

TEST(version, has_three_numbers_and_build_facts) {
    EXPECT_THAT(std::string{version()}, testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
    EXPECT_THAT(std::string{build_facts()}, testing::MatchesRegex("(gcc|clang) [0-9]+\\..*, .+"));
}

TEST(version, identifies_the_build) {
    EXPECT_THAT(
        build_name(),
        testing::MatchesRegex(
            std::string{version()} + "\\+[0-9a-f][0-9a-f][0-9a-f][0-9a-f]"
                                     "[0-9a-f][0-9a-f][0-9a-f][0-9a-f]"
        )
    );
}

} // namespace
} // namespace msd
