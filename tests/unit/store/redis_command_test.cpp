// SPDX-License-Identifier: Apache-2.0
#include "store/redis/command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace msd::store::redis {
namespace {

TEST(redis_command, has_its_arguments_and_its_key) {
    const std::string value = "v";
    const auto set = command::of("SET", "key", value);
    EXPECT_EQ(set.bytes(), "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1\r\nv\r\n");
    EXPECT_TRUE(set.has_key());
    EXPECT_EQ(set.key(), "key");
    EXPECT_FALSE(command::of("PING").has_key());
    EXPECT_FALSE(command::keyless("SELECT", "1").has_key());
    const std::string_view script[] = {"EVAL", "return 1", "1", "key"};
    EXPECT_EQ((command{script, 3}.key()), "key");
    EXPECT_TRUE(command::of("GET", "").has_key()) << "an empty key is one";
}

result<reply> answered(std::string text) {
    reply received;
    received.what = reply::kind::error;
    received.text = std::move(text);
    return checked(std::move(received), "the server");
}

TEST(redis_command, converts_error_replies_to_errors) {
    EXPECT_EQ(answered("OOM command not allowed").error().code, errc::unavailable);
    EXPECT_EQ(answered("LOADING Redis is loading").error().code, errc::unavailable);
    EXPECT_EQ(answered("READONLY You can't write").error().code, errc::unavailable);
    EXPECT_EQ(answered("ERR max number of clients reached").error().code, errc::unavailable);
    EXPECT_EQ(answered("WRONGPASS invalid").error().code, errc::denied);
    EXPECT_EQ(answered("ERR invalid password").error().code, errc::denied);
    EXPECT_EQ(answered("NOAUTH").error().code, errc::denied);
    EXPECT_EQ(answered("WRONGTYPE Operation").error().code, errc::invalid);
    EXPECT_EQ(answered("ERR unknown command").error().code, errc::invalid);
    EXPECT_EQ(answered("ERR no").error().text, "the server answered: ERR no");
    EXPECT_LT(answered(std::string(100'000, 'x')).error().text.size(), 300U);
}

TEST(redis_command, does_not_change_other_replies) {
    reply received;
    received.what = reply::kind::text;
    received.text = "ERR is what the value says";
    EXPECT_EQ(checked(received, "the server")->text, received.text);
}

} // namespace
} // namespace msd::store::redis
