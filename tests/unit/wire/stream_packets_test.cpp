// SPDX-License-Identifier: Apache-2.0
#include "wire/event_stream.hpp"
#include "wire/node_packets.hpp"
#include "wire/stream_packets.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

result<stream_packet> read(std::string_view frame) {
    packet received;
    EXPECT_TRUE(received.parse(frame)) << frame;
    EXPECT_EQ(received.kind(), packet_kind::reply) << frame;
    return read_stream_packet(received);
}

std::string unframed(std::string frame) {
    EXPECT_TRUE(frame.ends_with(terminator));
    frame.resize(frame.size() - terminator.size());
    return frame;
}

TEST(stream_packets, of_a_part_read_back) {
    std::string out;
    append_part(out, "7", {"a\u00b6\n\"b\"", "goods", "12"});
    EXPECT_EQ(out, R"({"key":7,"chunk":"a\u00b6\n\"b\"","event":"goods","id":"12"}¶)");
    const auto seen = read(unframed(out));
    ASSERT_TRUE(seen);
    EXPECT_TRUE(seen->has_part);
    EXPECT_FALSE(seen->ends);
    EXPECT_EQ(seen->part.text, "a\u00b6\n\"b\"");
    EXPECT_EQ(seen->part.event, "goods");
    EXPECT_EQ(seen->part.id, "12");
    EXPECT_EQ(seen->part.cost(), 7 + 5 + 2 + stream_part_overhead);
}

TEST(stream_packets, of_the_end_say_whether_the_stream_is_complete) {
    std::string out;
    append_stream_end(out, "\"7\"");
    EXPECT_EQ(out, R"({"key":"7","end":true}¶)");
    const auto complete = read(unframed(out));
    ASSERT_TRUE(complete);
    EXPECT_TRUE(complete->ends);
    EXPECT_FALSE(complete->has_part);
    EXPECT_EQ(complete->failure, "");
    out.clear();
    append_stream_end(out, "7", 1, "out of paper");
    EXPECT_EQ(out, R"({"key":7,"end":true,"errorcode":1,"errormessage":"out of paper"}¶)");
    EXPECT_EQ(read(unframed(out))->failure, "out of paper");
    EXPECT_EQ(read(R"({"key":7,"end":true,"errorcode":5})")->failure, "errorcode 5");
    EXPECT_EQ(read(R"({"key":7,"end":true,"errorcode":0,"errormessage":"success"})")->failure, "");
}

TEST(stream_packets, may_have_a_part_and_the_end) {
    const auto seen = read(R"({"key":7,"chunk":"last","end":true})");
    ASSERT_TRUE(seen);
    EXPECT_TRUE(seen->has_part && seen->ends);
    EXPECT_EQ(seen->part.text, "last");
}

TEST(stream_packets, that_are_malformed_are_refused) {
    for (const char* const bad :
         {R"({"key":7})",
          R"({"key":7,"end":false})",
          R"({"key":7,"end":1})",
          R"({"key":7,"chunk":1})",
          R"({"key":7,"chunk":null,"end":true})",
          R"({"key":7,"chunk":"a","event":1})",
          R"({"key":7,"chunk":"a","id":[]})"}) {
        const auto seen = read(bad);
        ASSERT_FALSE(seen) << bad;
        EXPECT_EQ(seen.error().code, errc::malformed) << bad;
    }
}

TEST(stream_packets, with_a_part_over_the_limit_are_refused) {
    std::string out;
    append_part(out, "7", {std::string(stream_part_cost_max - stream_part_overhead, 'x'), {}, {}});
    EXPECT_TRUE(read(unframed(out)));
    out.clear();
    append_part(out, "7", {std::string(stream_part_cost_max - stream_part_overhead, 'x'), "e", {}});
    const auto seen = read(unframed(out));
    ASSERT_FALSE(seen);
    EXPECT_EQ(seen.error().code, errc::too_large);
}

TEST(stream_packets, of_credit_read_back) {
    std::string out;
    append_credit(out, 7, 40'000);
    EXPECT_EQ(out, R"({"credit":7,"bytes":40000}¶)");
    const std::string frame = unframed(out);
    packet received;
    ASSERT_TRUE(received.parse(frame));
    ASSERT_EQ(received.kind(), packet_kind::credit);
    const auto seen = read_credit(received);
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->key, "7");
    EXPECT_EQ(seen->bytes, 40'000U);
}

TEST(stream_packets, of_credit_without_a_usable_number_are_refused) {
    for (const char* const bad :
         {R"({"credit":7})",
          R"({"credit":7,"bytes":0})",
          R"({"credit":7,"bytes":-1})",
          R"({"credit":7,"bytes":65537})",
          R"({"credit":7,"bytes":"1"})"}) {
        packet received;
        ASSERT_TRUE(received.parse(bad));
        ASSERT_EQ(received.kind(), packet_kind::credit) << bad;
        EXPECT_FALSE(read_credit(received)) << bad;
    }
    packet received;
    ASSERT_TRUE(received.parse(R"({"credit":"7","bytes":1})"));
    EXPECT_EQ(received.kind(), packet_kind::other);
}

TEST(stream_packets, a_caller_says_in_its_hello_that_it_accepts_streams) {
    std::string out;
    append_hello(out, {"gate", 1, false, true});
    EXPECT_EQ(out, R"({"hello":{"proto":2,"name":"gate","worker":1,"streams":true}}¶)");
}

TEST(stream_packets, the_reply_that_opens_a_stream_is_told_from_others) {
    std::string out;
    reply_fields opening;
    opening.status = 200;
    opening.headers = R"({"content-type":"text/event-stream"})";
    opening.is_stream = true;
    append_reply(out, "7", opening);
    const std::string frame = unframed(out);
    packet received;
    ASSERT_TRUE(received.parse(frame));
    const auto opened = open_envelope(received);
    ASSERT_TRUE(opened);
    EXPECT_TRUE(opened->is_stream);
    EXPECT_EQ(opened->status, 200);
    EXPECT_EQ(opened->headers, R"({"content-type":"text/event-stream"})");
}

std::string event_of(std::string_view data, std::string_view name = {}, std::string_view id = {}) {
    std::string out;
    append_event(out, data, name, id);
    return out;
}

TEST(event_stream, writes_each_line_of_the_data_apart) {
    EXPECT_EQ(event_of("a"), "data: a\n\n");
    EXPECT_EQ(event_of(""), "data: \n\n");
    EXPECT_EQ(event_of("a\nb\rc\r\nd\n"), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
    EXPECT_EQ(event_of("\n\r"), "data: \ndata: \ndata: \n\n");
    EXPECT_EQ(event_of("id: 7"), "data: id: 7\n\n");
}

TEST(event_stream, leaves_out_a_name_or_an_id_that_would_end_its_line) {
    EXPECT_EQ(event_of("a", "goods", "7"), "event: goods\nid: 7\ndata: a\n\n");
    EXPECT_EQ(event_of("a", "go\nods", "7\r"), "data: a\n\n");
    EXPECT_EQ(event_of("a", {}, std::string_view{"7\0", 2}), "data: a\n\n");
}

TEST(event_stream, is_recognized_by_its_media_type) {
    EXPECT_TRUE(is_event_stream("text/event-stream"));
    EXPECT_TRUE(is_event_stream("Text/Event-Stream ; charset=utf-8"));
    EXPECT_FALSE(is_event_stream("text/event-streams"));
    EXPECT_FALSE(is_event_stream("text/plain"));
    EXPECT_FALSE(is_event_stream(""));
}

} // namespace
} // namespace msd::wire
