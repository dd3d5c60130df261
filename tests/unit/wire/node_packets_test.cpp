// SPDX-License-Identifier: Apache-2.0
#include "wire/node_packets.hpp"
#include "wire/packet.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

packet_kind kind_of(const std::string& frame) {
    packet read;
    EXPECT_TRUE(frame.ends_with(terminator));
    EXPECT_TRUE(read.parse(frame.substr(0, frame.size() - terminator.size())));
    return read.kind();
}

TEST(node_packets, say_who_calls) {
    std::string out;
    append_hello(out, "gate\u00b6", 3);
    EXPECT_EQ(out, "{\"hello\":{\"proto\":2,\"name\":\"gate\\u00b6\",\"worker\":3}}¶");
    EXPECT_EQ(kind_of(out), packet_kind::hello);
}

TEST(node_packets, say_which_worker_answers) {
    std::string out;
    append_hello_reply(out, {1, 4, 7});
    EXPECT_EQ(out, "{\"hello\":{\"slot\":1,\"workers\":4,\"generation\":7}}¶");
    EXPECT_EQ(kind_of(out), packet_kind::hello);
}

TEST(node_packets, end_the_waiting_and_the_taking) {
    std::string out;
    append_cancel(out, 18446744073709551615U);
    EXPECT_EQ(out, "{\"cancel\":18446744073709551615}¶");
    EXPECT_EQ(kind_of(out), packet_kind::cancel);
    out.clear();
    append_goaway(out, 12);
    EXPECT_EQ(out, "{\"goaway\":{\"last_key\":12}}¶");
    EXPECT_EQ(kind_of(out), packet_kind::goaway);
}

} // namespace
} // namespace msd::wire
