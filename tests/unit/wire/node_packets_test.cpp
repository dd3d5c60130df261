// SPDX-License-Identifier: Apache-2.0
#include "wire/node_packets.hpp"
#include "wire/packet.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::wire {
namespace {

packet_kind kind_of(const std::string& frame) {
    packet read;
    EXPECT_TRUE(frame.ends_with(terminator));
    EXPECT_TRUE(read.parse(std::string_view{frame}.substr(0, frame.size() - terminator.size())));
    return read.kind();
}

TEST(node_packets, write_the_hello_of_a_caller) {
    std::string out;
    append_hello(out, {"gate\u00b6", 3});
    EXPECT_EQ(out, "{\"hello\":{\"proto\":2,\"name\":\"gate\\u00b6\",\"worker\":3}}¶");
    EXPECT_EQ(kind_of(out), packet_kind::hello);
    out.clear();
    append_hello(out, {"purchases", 0, true});
    EXPECT_NE(out.find("\"worker\":0,\"changes\":true}}"), std::string::npos);
}

TEST(node_packets, write_the_reply_to_a_hello) {
    std::string out;
    append_hello_reply(out, {1, 4, 7});
    EXPECT_EQ(out, "{\"hello\":{\"slot\":1,\"workers\":4,\"generation\":7}}¶");
    EXPECT_EQ(kind_of(out), packet_kind::hello);
}

TEST(node_packets, read_the_reply_to_a_hello) {
    const auto read = [](const char* text) {
        return read_hello_reply({json::kind::object, text}).value();
    };
    EXPECT_EQ(read(R"({"slot":1,"workers":4,"generation":7})").slot, 1);
    EXPECT_EQ(read(R"({"slot":1,"workers":4,"generation":7})").workers, 4);
    EXPECT_EQ(read(R"({"slot":4095,"workers":4096})").slot, 4095);
    EXPECT_EQ(read(R"({"slot":4095,"workers":4096})").workers, 4096);
    EXPECT_EQ(read("{}").slot, -1);
    EXPECT_EQ(read("{}").workers, 1);
}

TEST(node_packets, refuse_a_reply_to_a_hello_with_numbers_out_of_range) {
    for (const char* const hello :
         {R"({"slot":-1})",
          R"({"slot":4096})",
          R"({"slot":"1"})",
          R"({"workers":0})",
          R"({"workers":-1})",
          R"({"workers":4097})",
          R"({"workers":2147483647})",
          R"({"workers":4294967297})",
          R"({"workers":99999999999999999999})",
          R"({"workers":1e9})",
          R"({"workers":1.5})",
          R"({"slot":1,"workers":null})",
          R"({"slot":)"}) {
        const auto read = read_hello_reply({json::kind::object, hello});
        ASSERT_FALSE(read) << hello;
        EXPECT_EQ(read.error().code, errc::malformed) << hello;
    }
}

TEST(node_packets, write_cancel_and_goaway) {
    std::string out;
    append_cancel(out, 18446744073709551615U);
    EXPECT_EQ(out, "{\"cancel\":18446744073709551615}¶");
    EXPECT_EQ(kind_of(out), packet_kind::cancel);
    out.clear();
    append_goaway(out, 12);
    EXPECT_EQ(out, "{\"goaway\":{\"last_key\":12}}¶");
    EXPECT_EQ(kind_of(out), packet_kind::goaway);
}

TEST(node_packets, write_and_read_changes) {
    std::string out;
    append_changed(out, {"goods\u00b6", {7, -1, 9223372036854775807}});
    EXPECT_EQ(out, "{\"changed\":{\"what\":\"goods\\u00b6\",\"ids\":[7,-1,9223372036854775807]}}¶");
    EXPECT_EQ(kind_of(out), packet_kind::changed);
    packet read;
    const std::string frame = out.substr(0, out.size() - terminator.size());
    ASSERT_TRUE(read.parse(frame));
    const auto made = read_changed(*read.fields().find("changed"));
    ASSERT_TRUE(made);
    EXPECT_EQ(made->what, "goods\u00b6");
    EXPECT_FALSE(made->untold);
    out.clear();
    append_changed(out, {"goods", {7}, true});
    EXPECT_EQ(out, "{\"changed\":{\"what\":\"goods\",\"ids\":[7],\"untold\":true}}¶");
    const auto untold = read_changed({json::kind::object, out.substr(11, out.size() - 14)});
    EXPECT_TRUE(untold && untold->untold);
    EXPECT_EQ(made->ids, (std::vector<std::int64_t>{7, -1, 9223372036854775807}));
}

errc refusal_of(const std::string& changed) {
    const auto made = read_changed({json::kind::object, changed});
    return made ? errc::internal : made.error().code;
}

TEST(node_packets, refuse_malformed_changes) {
    for (const char* const changed :
         {"{}",
          R"({"what":"goods"})",
          R"({"ids":[7]})",
          R"({"what":7,"ids":[7]})",
          R"({"what":"goods","ids":7})",
          R"({"what":"goods","ids":["7"]})",
          R"({"what":"goods","ids":[7.5]})",
          R"({"what":"goods","ids":[7)"}) {
        EXPECT_EQ(refusal_of(changed), errc::malformed) << changed;
    }
    std::string many = R"({"what":"goods","ids":[0)";
    for (std::size_t i = 0; i < changed_ids_max; ++i) {
        many += ",1";
    }
    EXPECT_EQ(refusal_of(many + "]}"), errc::too_large);
}

TEST(node_packets, are_distinguished_from_requests_and_replies_with_the_same_members) {
    packet read;
    ASSERT_TRUE(read.parse(R"({"key":1,"changed":{"what":"goods","ids":[7]}})"));
    EXPECT_EQ(read.kind(), packet_kind::reply);
    ASSERT_TRUE(read.parse(R"({"uri":"/x","method":"GET","changed":{}})"));
    EXPECT_EQ(read.kind(), packet_kind::request);
    ASSERT_TRUE(read.parse(R"({"changed":[7]})"));
    EXPECT_EQ(read.kind(), packet_kind::other);
}

TEST(node_packets, read_numbers_and_flags_at_the_ends_of_their_ranges) {
    const auto first = read_hello_reply({json::kind::object, R"({"slot":0,"workers":1})"}).value();
    EXPECT_EQ(first.slot, 0);
    EXPECT_EQ(first.workers, 1);
    const auto untold = [](const char* flag) {
        const std::string text = std::string{R"({"what":"goods","ids":[],"untold":)"} + flag + "}";
        return read_changed({json::kind::object, text})->untold;
    };
    EXPECT_TRUE(untold("true"));
    EXPECT_FALSE(untold("false"));
    EXPECT_FALSE(untold("1"));
    EXPECT_EQ(changed_ids_max, 1024U);
}

} // namespace
} // namespace msd::wire
