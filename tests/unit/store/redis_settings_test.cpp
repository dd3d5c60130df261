// SPDX-License-Identifier: Apache-2.0
#include "store/redis/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace msd::store::redis {
namespace {

server_url good(std::string_view text) {
    const auto read = parse_url(text);
    EXPECT_TRUE(read) << text << ": " << read.error().text;
    return read.value_or(server_url{});
}

std::string wrong(std::string_view text) {
    const auto read = parse_url(text);
    EXPECT_FALSE(read) << text;
    return read ? "" : read.error().text;
}

TEST(redis_url, names_one_server) {
    const auto plain = good("redis://db.local");
    EXPECT_EQ(plain.kind, arrangement::single);
    EXPECT_FALSE(plain.tls);
    EXPECT_EQ(plain.addresses.at(0).text(), "db.local:6379");
    EXPECT_EQ(plain.database, 0);
    const auto full = good("rediss://msd@[::1]:7000/3");
    EXPECT_TRUE(full.tls);
    EXPECT_EQ(full.user, "msd");
    EXPECT_EQ(full.addresses.at(0).host, "::1");
    EXPECT_EQ(full.addresses.at(0).port, 7000);
    EXPECT_EQ(full.database, 3);
    EXPECT_EQ(good("redis://a:1/").database, 0);
}

TEST(redis_url, names_sentinels_and_their_master) {
    const auto read = good("redis+sentinel://a,b:1,[::1]:2/main/4");
    EXPECT_EQ(read.kind, arrangement::sentinel);
    ASSERT_EQ(read.addresses.size(), 3U);
    EXPECT_EQ(read.addresses[0].text(), "a:26379");
    EXPECT_EQ(read.addresses[2].text(), "[::1]:2");
    EXPECT_EQ(read.master, "main");
    EXPECT_EQ(read.database, 4);
    EXPECT_TRUE(good("rediss+sentinel://a/main").tls);
}

TEST(redis_url, names_nodes_of_a_cluster) {
    const auto read = good("redis+cluster://a,b:7001");
    EXPECT_EQ(read.kind, arrangement::cluster);
    EXPECT_EQ(read.addresses.at(1).text(), "b:7001");
    EXPECT_TRUE(good("rediss+cluster://a").tls);
}

TEST(redis_url, is_written_without_the_user) {
    for (const std::string text :
         {"redis://a:6379",
          "rediss://[::1]:1/2",
          "redis+sentinel://a:1,b:2/main/3",
          "redis+cluster://a:1,b:2"}) {
        EXPECT_EQ(good(text).text(), text);
    }
    EXPECT_EQ(good("redis://user@a").text(), "redis://a:6379");
}

TEST(redis_url, is_refused_with_what_is_wrong) {
    using testing::HasSubstr;
    EXPECT_THAT(wrong(""), HasSubstr("redis://HOST:PORT"));
    EXPECT_THAT(wrong("localhost:6379"), HasSubstr("redis://HOST:PORT"));
    EXPECT_THAT(wrong("http://a"), HasSubstr("redis://HOST:PORT"));
    EXPECT_THAT(wrong("redis://"), HasSubstr("lacks its host"));
    EXPECT_THAT(wrong("redis://:1"), HasSubstr("lacks its host"));
    EXPECT_THAT(wrong("redis://a:0"), HasSubstr("HOST:PORT"));
    EXPECT_THAT(wrong("redis://a:65536"), HasSubstr("HOST:PORT"));
    EXPECT_THAT(wrong("redis://a:"), HasSubstr("HOST:PORT"));
    EXPECT_THAT(wrong("redis://::1"), HasSubstr("HOST:PORT"));
    EXPECT_THAT(wrong("redis://[::1]x"), HasSubstr("[ADDRESS]:PORT"));
    EXPECT_THAT(wrong("redis://a/x"), HasSubstr("number of a database"));
    EXPECT_THAT(wrong("redis://a/-1"), HasSubstr("number of a database"));
    EXPECT_THAT(wrong("redis://a,b"), HasSubstr("redis+sentinel://"));
    EXPECT_THAT(wrong("redis+sentinel://a"), HasSubstr("name of the master"));
    EXPECT_THAT(wrong("redis+cluster://a/1"), HasSubstr("database 0"));
}

TEST(redis_url, refuses_a_password_without_repeating_it) {
    for (const std::string_view text :
         {"redis://:secret@a",
          "redis://user:secret@a:1/2",
          "redis://u:se@cret@a",
          "redis://u:secret/@a"}) {
        const std::string said = wrong(text);
        EXPECT_THAT(said, testing::HasSubstr("cache.password_file")) << text;
        EXPECT_THAT(said, testing::Not(testing::HasSubstr("cret"))) << text;
    }
}

} // namespace
} // namespace msd::store::redis
