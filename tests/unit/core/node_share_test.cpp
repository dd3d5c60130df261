// SPDX-License-Identifier: Apache-2.0
#include "core/node_share.hpp"
#include "core/registration.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

result<registration> read_shared(const std::string& members) {
    wire::packet packet;
    const std::string frame = R"({"uri":"/distributes","method":"POST","key":0,"params":)"
                              R"({"port":9010,"name":"goods",)" +
                              members + "}}";
    EXPECT_TRUE(packet.parse(frame)) << frame;
    return read_registration(packet);
}

TEST(node_share, is_read_from_a_registration) {
    const auto said = read_shared(R"("proto":2,"weight":3,"zone":"rack 7")");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->node.weight, 3U);
    EXPECT_EQ(said->node.zone, "rack 7");
    const auto none = read_shared(R"("proto":2)");
    ASSERT_TRUE(none);
    EXPECT_EQ(none->node.weight, 1U);
    EXPECT_EQ(none->node.zone, "");
}

TEST(node_share, is_refused_with_the_name_of_the_member) {
    for (const char* const wrong : {"1001", "-1", "1.5", "\"3\"", "null"}) {
        const auto said = read_shared(std::string{R"("proto":2,"weight":)"} + wrong);
        ASSERT_FALSE(said) << wrong;
        EXPECT_EQ(said.error().text, "weight must be an integer from 0 to 1000");
    }
    const std::string longest(zone_bytes_max, 'z');
    EXPECT_TRUE(read_shared(R"("proto":2,"zone":")" + longest + "\""));
    for (const std::string& wrong : {"\"" + longest + "z\"", std::string{R"("a\n")"}}) {
        const auto said = read_shared(R"("proto":2,"zone":)" + wrong);
        ASSERT_FALSE(said) << wrong;
        EXPECT_EQ(
            said.error().text,
            "zone must be a text of at most 64 bytes without control characters"
        );
    }
    EXPECT_EQ(read_shared(R"("proto":2,"zone":7)").error().text, "zone must be a string");
}

TEST(node_share, means_nothing_in_the_registration_of_an_existing_node) {
    const auto said = read_shared(R"("weight":"heavy","zone":{"x":1})");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->node.weight, 1U);
    EXPECT_EQ(said->node.extra_members, R"("weight":"heavy","zone":{"x":1})");
}

TEST(node_share, of_a_web_program_without_proto_counts_when_it_is_one) {
    const std::string program = R"("protocol":"http","routes":[{"path":"/"}],)";
    const auto said = read_shared(program + R"("weight":5,"zone":"a")");
    ASSERT_TRUE(said);
    EXPECT_TRUE(said->node.is_http());
    EXPECT_EQ(said->node.weight, 5U);
    const auto other = read_shared(program + R"("weight":5,"zone":7)");
    ASSERT_TRUE(other);
    EXPECT_TRUE(other->node.is_http());
    EXPECT_EQ(other->node.weight, 1U);
}

TEST(node_share, is_in_lists_for_msd_nodes_only) {
    node_info node;
    node.id = {"goods", "127.0.0.1", 9010};
    node.port_token = "9010";
    node.proto = 2;
    node.weight = 0;
    node.zone = "a\"b";
    const auto read_back = read_entry(msd_entry(node));
    ASSERT_TRUE(read_back);
    EXPECT_EQ(*read_back, node);
    EXPECT_EQ(foreign_entry(node).find("zone"), std::string::npos);
    for (std::string frame : {first_registration(node), second_registration(node, {1, 2})}) {
        frame.resize(frame.size() - wire::terminator.size());
        wire::packet packet;
        ASSERT_TRUE(packet.parse(frame));
        const auto said = read_registration(packet);
        ASSERT_TRUE(said);
        EXPECT_EQ(said->node.weight, 0U);
        EXPECT_EQ(said->node.zone, "a\"b");
    }
}

} // namespace
} // namespace msd::core
