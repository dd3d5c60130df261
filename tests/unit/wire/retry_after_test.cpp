// SPDX-License-Identifier: Apache-2.0
// `retry_after` of replies: packet_test.cpp has the other members.
#include "wire/packet.hpp"

#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace msd::wire {
namespace {

struct opened_reply {
    int retry_after_s = 0;
    std::string body;
};

opened_reply open_reply(std::string_view frame, reply_dialect spoken = reply_dialect::msd) {
    packet reply;
    EXPECT_TRUE(reply.parse(frame));
    const auto opened = open_envelope(reply, spoken);
    opened_reply out;
    out.retry_after_s = opened->retry_after_s;
    for (const std::string_view piece : opened->body()) {
        out.body += piece;
    }
    return out;
}

TEST(retry_after, is_written_beside_a_status_only) {
    std::string out;
    append_reply(out, "1", {1, "m", {}, 429, 5});
    EXPECT_EQ(out, R"({"key":1,"status":429,"retry_after":5,"errorcode":1,"errormessage":"m"}¶)");
    out.clear();
    append_reply(out, "1", {1, "m", {}, 0, 5});
    EXPECT_EQ(out, R"({"key":1,"errorcode":1,"errormessage":"m"}¶)");
    out.clear();
    const reply_fields large{1, "m", R"("a":1)", 503, 2};
    ASSERT_TRUE(append_reply_start(out, "1", large));
    EXPECT_EQ(out, R"({"key":1,"status":503,"retry_after":2,"errorcode":1,"errormessage":"m",)");
}

TEST(retry_after, is_read_and_removed_from_the_body) {
    const auto busy = open_reply(R"({"key":1,"status":503,"retry_after":5,"errorcode":1})");
    EXPECT_EQ(busy.retry_after_s, 5);
    EXPECT_EQ(busy.body, R"({"errorcode":1})");
    EXPECT_EQ(open_reply(R"({"status":429,"retry_after":86400,"key":1})").retry_after_s, 86'400);
}

TEST(retry_after, is_removed_when_it_is_no_number_of_seconds) {
    for (const std::string_view wrong : {"0", "-1", "86401", "1.5", "\"5\"", "null", "[]"}) {
        const auto read =
            open_reply(R"({"key":1,"status":429,"retry_after":)" + std::string{wrong} + "}");
        EXPECT_EQ(read.retry_after_s, 0) << wrong;
        EXPECT_EQ(read.body, "{}") << wrong;
    }
}

TEST(retry_after, is_data_with_another_status_and_in_foreign_replies) {
    for (const std::string_view status : {"200", "500", "428"}) {
        const auto other =
            open_reply(R"({"key":1,"status":)" + std::string{status} + R"(,"retry_after":5})");
        EXPECT_EQ(other.retry_after_s, 0);
        EXPECT_EQ(other.body, R"({"retry_after":5})");
    }
    const auto foreign =
        open_reply(R"({"key":1,"status":503,"retry_after":5})", reply_dialect::foreign);
    EXPECT_EQ(foreign.retry_after_s, 0);
    EXPECT_EQ(foreign.body, R"({"status":503,"retry_after":5})");
}

} // namespace
} // namespace msd::wire
