// SPDX-License-Identifier: Apache-2.0
#include "store/redis/slot_map.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <utility>

namespace msd::store::redis {
namespace {

using kind = redirection::kind;

const address asked{"10.0.0.9", 7000};

reply text(std::string value) {
    reply made;
    made.what = reply::kind::text;
    made.text = std::move(value);
    return made;
}

reply number(std::int64_t value) {
    reply made;
    made.what = reply::kind::integer;
    made.integer = value;
    return made;
}

reply list(std::vector<reply> items) {
    reply made;
    made.what = reply::kind::array;
    made.items = std::move(items);
    return made;
}

reply range(std::int64_t first, std::int64_t last, std::string host, std::int64_t port) {
    return list({number(first), number(last), list({text(std::move(host)), number(port)})});
}

redirection said(std::string what) {
    reply made;
    made.what = reply::kind::error;
    made.text = std::move(what);
    return redirection_of(made, asked);
}

// The values that CLUSTER KEYSLOT of Redis returns.
TEST(redis_slots, are_those_of_the_specification) {
    EXPECT_EQ(slot_of("123456789"), 0x31C3 % 16384);
    EXPECT_EQ(slot_of(""), 0);
    EXPECT_EQ(slot_of("foo"), 12182);
    EXPECT_EQ(slot_of("hello"), 866);
    EXPECT_EQ(slot_of("somekey"), 11058);
}

TEST(redis_slots, depend_on_the_first_tag_of_a_key_if_it_has_one) {
    EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
    EXPECT_EQ(slot_of("a{user1000}.followers"), slot_of("user1000"));
    EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
    EXPECT_NE(slot_of("foo{}{bar}"), slot_of("bar")) << "an empty tag is none";
    EXPECT_NE(slot_of("foo{bar"), slot_of("bar"));
}

TEST(redis_slot_map, knows_the_owner_of_each_slot) {
    const auto read = slot_map::read(
        list({range(0, 100, "a", 1), range(101, 200, "b", 2), range(16383, 16383, "a", 1)}),
        asked
    );
    ASSERT_TRUE(read);
    EXPECT_EQ(read->owner(0)->text(), "a:1");
    EXPECT_EQ(read->owner(100)->text(), "a:1");
    EXPECT_EQ(read->owner(101)->text(), "b:2");
    EXPECT_EQ(read->owner(201), nullptr);
    EXPECT_EQ(read->owner(16383)->text(), "a:1");
    EXPECT_EQ(read->masters().size(), 2U);
}

TEST(redis_slot_map, uses_the_asked_node_for_a_node_without_a_name) {
    for (const char* const host : {"", "?"}) {
        const auto read = slot_map::read(list({range(0, 1, host, 7001)}), asked);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->owner(0)->text(), "10.0.0.9:7001");
    }
}

TEST(redis_slot_map, moves_one_slot) {
    auto read = slot_map::read(list({range(0, 16383, "a", 1)}), asked);
    ASSERT_TRUE(read);
    read->move(5, {"c", 3});
    EXPECT_EQ(read->owner(5)->text(), "c:3");
    EXPECT_EQ(read->owner(6)->text(), "a:1");
}

TEST(redis_slot_map, refuses_malformed_replies) {
    const reply senseless[] = {
        text("OK"),
        list({number(1)}),
        list({list({number(0), number(1)})}),
        list({list({number(0), number(1), list({text("a")})})}),
        list({range(-1, 1, "a", 1)}),
        list({range(2, 1, "a", 1)}),
        list({range(0, 16384, "a", 1)}),
        list({range(0, 1, "a", 0)}),
        list({range(0, 1, "a", 65536)})};
    for (const reply& each : senseless) {
        const auto read = slot_map::read(each, asked);
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().code, errc::malformed);
    }
    EXPECT_TRUE(slot_map::read(list({}), asked)) << "a cluster without slots is one";
}

TEST(redis_slot_map, limits_the_number_of_nodes) {
    slot_map map;
    for (std::uint16_t slot = 0; slot < 2000; ++slot) {
        map.move(slot, {"a", static_cast<std::uint16_t>(slot + 1)});
    }
    EXPECT_EQ(map.masters().size(), slot_map::nodes_max);
    EXPECT_EQ(map.owner(1999), nullptr);
}

TEST(redis_redirection, is_read_from_an_error) {
    const auto moved = said("MOVED 3999 127.0.0.1:6381");
    EXPECT_EQ(moved.what, kind::moved);
    EXPECT_EQ(moved.slot, 3999);
    EXPECT_EQ(moved.to.text(), "127.0.0.1:6381");
    const auto ask = said("ASK 16383 ::1:7000");
    EXPECT_EQ(ask.what, kind::ask);
    EXPECT_EQ(ask.to.text(), "[::1]:7000");
    EXPECT_EQ(said("MOVED 1 :6381").to.text(), "10.0.0.9:6381");
    EXPECT_EQ(said("TRYAGAIN Multiple keys").what, kind::wait);
    EXPECT_EQ(said("CLUSTERDOWN The cluster is down").what, kind::wait);
    EXPECT_EQ(said("LOADING Redis is loading").what, kind::wait);
    EXPECT_EQ(said("ERR MOVED").what, kind::none);
}

TEST(redis_redirection, is_none_for_a_malformed_error) {
    for (const char* const text :
         {"",
          "MOVED",
          "MOVED ",
          "MOVED 1",
          "MOVED x a:1",
          "MOVED 16384 a:1",
          "MOVED 1 a",
          "MOVED 1 a:",
          "MOVED 1 a:0",
          "MOVED 1 a:65536",
          "ASK -1 a:1"}) {
        EXPECT_EQ(said(text).what, kind::none) << text;
    }
    EXPECT_EQ(redirection_of(text("MOVED 1 a:1"), asked).what, kind::none) << "a value";
}

} // namespace
} // namespace msd::store::redis
