// SPDX-License-Identifier: Apache-2.0
#include "store/server_url.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::store {
namespace {

TEST(server_url, is_split_into_its_parts) {
    const auto read = parse_server_url("mysql://user:word@db.local:3307/shop");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->user, "user");
    EXPECT_EQ(read->password, "word");
    EXPECT_EQ(read->places, (std::vector<server_place>{{"db.local", 3307}}));
    EXPECT_EQ(read->database, "shop");
}

TEST(server_url, needs_neither_password_nor_port) {
    const auto read = parse_server_url("mysql://user@[::1]/shop");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->password, "");
    EXPECT_EQ(read->places, (std::vector<server_place>{{"::1", server_place::default_port}}));
}

TEST(server_url, accepts_special_characters_plain_or_escaped) {
    const auto read = parse_server_url("mysql://a%40b:p:/@?#%25%c3%a9@h/d%2Fb");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->user, "a@b");
    EXPECT_EQ(read->password, "p:/@?#%\u00e9");
    EXPECT_EQ(read->places.at(0).host, "h");
    EXPECT_EQ(read->database, "d/b");
}

TEST(server_url, is_refused_when_a_part_is_missing_or_wrong_and_never_repeated) {
    for (const auto* const wrong :
         {"",
          "mysql:/u@h/d",
          "oracle://hush@h/d",
          "mysql://hush",
          "mysql://h/d",
          "mysql://@h/d",
          "mysql://:hush@h/d",
          "mysql://u:hush@/d",
          "mysql://u:hush@h",
          "mysql://u:hush@h/",
          "mysql://u:hush@h:/d",
          "mysql://u:hush@h:0/d",
          "mysql://u:hush@h:65536/d",
          "mysql://u:hush@h:33x/d",
          "mysql://u:hush@[::1/d",
          "mysql://u:hush@[::1]x/d",
          "mysql://u:hush@::1/d",
          "mysql://u:hush%4@h/d",
          "mysql://u:hush%zz@h/d",
          "mysql://u:hush%00@h/d",
          "mysql://u:hush@h/d%0a"}) {
        const auto read = parse_server_url(wrong);
        ASSERT_FALSE(read) << wrong;
        EXPECT_EQ(read.error().code, errc::invalid);
        EXPECT_EQ(read.error().text.find("hush"), std::string::npos) << read.error().text;
    }
}

using places = std::vector<server_place>;

TEST(server_places, are_one_or_several_in_the_order_given) {
    EXPECT_EQ(parse_server_places("a"), (places{{"a", 3306}}));
    EXPECT_EQ(parse_server_places("a:1,b,[::1]:3"), (places{{"a", 1}, {"b", 3306}, {"::1", 3}}));
    EXPECT_EQ(parse_server_places(""), places{});
}

TEST(server_places, stand_in_a_url) {
    const auto url = parse_server_url("mysql://u:p%40@a:1,b:2,c/db");
    ASSERT_TRUE(url) << url.error().text;
    EXPECT_EQ(url->places, (places{{"a", 1}, {"b", 2}, {"c", 3306}}));
    EXPECT_EQ(url->password, "p@");
    EXPECT_EQ(url->database, "db");
}

TEST(server_places, are_refused_when_one_is_malformed) {
    for (const auto* text :
         {",", "a,", ",a", "a,,b", "a:0", "a:65536", "a:x", "a:", "a b", "[::1"}) {
        EXPECT_FALSE(parse_server_places(text)) << text;
    }
    EXPECT_FALSE(parse_server_url("mysql://u@/db"));
    EXPECT_FALSE(parse_server_url("mysql://u@a,/db"));
}

TEST(server_places, are_refused_when_one_is_repeated) {
    EXPECT_FALSE(parse_server_places("a,b,a:3306"));
    EXPECT_TRUE(parse_server_places("a:1,a:2"));
}

TEST(server_places, are_refused_when_there_are_too_many) {
    std::string text = "h0";
    for (std::size_t i = 1; i < server_url::places_max; ++i) {
        text += ",h" + std::to_string(i);
    }
    EXPECT_TRUE(parse_server_places(text));
    EXPECT_FALSE(parse_server_places(text + ",more"));
}

} // namespace
} // namespace msd::store
