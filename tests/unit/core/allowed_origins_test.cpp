// SPDX-License-Identifier: Apache-2.0
#include "core/allowed_origins.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

using testing::HasSubstr;
using answer = allowed_origins::answer;

allowed_origins parsed(std::string_view text) {
    auto read = allowed_origins::parse(text);
    EXPECT_TRUE(read) << text;
    return read ? std::move(*read) : allowed_origins{};
}

TEST(allowed_origins, are_none_by_default) {
    for (const auto* const text : {"", "  ", "\t"}) {
        const auto none = parsed(text);
        EXPECT_TRUE(none.empty());
        EXPECT_FALSE(none.distinguishes());
        EXPECT_EQ(none.find("https://a.example", "POST", "/goods"), answer::no);
    }
}

TEST(allowed_origins, hold_for_all_routes) {
    const auto allowed = parsed("https://a.example , http://b.example:8000");
    EXPECT_EQ(allowed.text(), "https://a.example , http://b.example:8000");
    EXPECT_FALSE(allowed.empty());
    EXPECT_TRUE(allowed.distinguishes());
    EXPECT_EQ(allowed.find("https://a.example", "POST", "/goods"), answer::yes);
    EXPECT_EQ(allowed.find("http://b.example:8000", {}, {}), answer::yes);
    EXPECT_EQ(allowed.find("https://A.example:443", "POST", "/goods"), answer::yes);
    EXPECT_EQ(allowed.find("http://a.example", "POST", "/goods"), answer::no);
    EXPECT_EQ(allowed.find("null", "POST", "/goods"), answer::no);
    EXPECT_EQ(allowed.find("", "POST", "/goods"), answer::no);
}

TEST(allowed_origins, hold_for_one_route) {
    const auto allowed = parsed("POST/goods/{id} = https://a.example");
    EXPECT_EQ(allowed.find("https://a.example", "POST", "/goods/{id}"), answer::yes);
    EXPECT_EQ(allowed.find("https://a.example", "PUT", "/goods/{id}"), answer::no);
    EXPECT_EQ(allowed.find("https://a.example", "POST", "/goods"), answer::no);
    EXPECT_EQ(allowed.find("https://a.example", {}, {}), answer::no);
}

TEST(allowed_origins, may_be_any) {
    const auto all = parsed("*");
    EXPECT_FALSE(all.distinguishes());
    EXPECT_EQ(all.find("null", "POST", "/goods"), answer::any);
    EXPECT_EQ(all.find("", {}, {}), answer::any);
    const auto one = parsed("https://a.example,GET/goods=*");
    EXPECT_TRUE(one.distinguishes());
    EXPECT_EQ(one.find("https://a.example", "GET", "/goods"), answer::any);
    EXPECT_EQ(one.find("https://b.example", "GET", "/goods"), answer::any);
    EXPECT_EQ(one.find("https://a.example", "POST", "/goods"), answer::yes);
}

TEST(allowed_origins, name_the_part_that_is_wrong) {
    for (const auto* const wrong :
         {"shop.example",
          "https://a.example/",
          "null",
          "https://a.example,,https://b.example",
          ",https://a.example",
          "POST/goods=",
          "POST/goods=shop"}) {
        const auto read = allowed_origins::parse(wrong);
        ASSERT_FALSE(read) << wrong;
        EXPECT_EQ(read.error().code, errc::invalid);
        EXPECT_THAT(read.error().text, HasSubstr("origin")) << wrong;
    }
    for (const auto* const wrong : {"=https://a.example", "/goods=*", "post/goods=*", "POST=*"}) {
        const auto read = allowed_origins::parse(wrong);
        ASSERT_FALSE(read) << wrong;
        EXPECT_THAT(read.error().text, HasSubstr("route")) << wrong;
    }
}

TEST(allowed_origins, may_end_with_a_comma) {
    EXPECT_EQ(parsed("*,").find("", {}, {}), answer::any);
}

TEST(allowed_origins, are_limited) {
    std::string text = "*";
    for (std::size_t n = 1; n < allowed_origins::rules_max; ++n) {
        text += ",*";
    }
    EXPECT_TRUE(allowed_origins::parse(text));
    EXPECT_FALSE(allowed_origins::parse(text + ",*"));
}

} // namespace
} // namespace msd::core
