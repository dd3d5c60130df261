// SPDX-License-Identifier: Apache-2.0
#include "base/json_surrogates.hpp"

#include <gtest/gtest.h>

namespace msd::json {
namespace {

TEST(json_surrogates, are_found_when_unpaired_in_any_string) {
    EXPECT_EQ(lone_surrogate(R"({"a":"\ud800"})"), 6U);
    EXPECT_EQ(lone_surrogate(R"({"\uDBFF":1})"), 2U);
    EXPECT_EQ(lone_surrogate(R"({"a":[{"b":"x\udc00"}]})"), 13U);
    EXPECT_EQ(lone_surrogate(R"("\udfff")"), 1U);
    EXPECT_EQ(lone_surrogate(R"("\ud800x\udc00")"), 1U);
    EXPECT_EQ(lone_surrogate(R"("\ud800\u0041")"), 1U);
    EXPECT_EQ(lone_surrogate(R"("\ud800\n")"), 1U);
    EXPECT_EQ(lone_surrogate(R"("\ud800\ud800\udc00")"), 1U);
    EXPECT_EQ(lone_surrogate(R"("\udc00\ud800")"), 1U);
    EXPECT_EQ(lone_surrogate(R"("\ud83d\ude00\ude00")"), 13U);
    EXPECT_EQ(lone_surrogate(R"("\\\ud800")"), 3U);
}

TEST(json_surrogates, are_accepted_in_pairs_and_not_confused_with_other_escapes) {
    for (const char* good :
         {"{}",
          R"("\ud83d\ude00")",
          R"("\uD800\uDC00\uDBFF\uDFFF")",
          R"("\\ud800")",
          R"("\ud7ff\ue000")",
          R"("\"\/\b\f\n\r\t\u0000")"}) {
        EXPECT_EQ(lone_surrogate(good), std::nullopt) << good;
    }
}

} // namespace
} // namespace msd::json
