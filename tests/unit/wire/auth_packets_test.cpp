// SPDX-License-Identifier: Apache-2.0
#include "wire/auth_packets.hpp"
#include "wire/packet.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

const std::string digits(64, 'a');

result<auth_packet> read(const std::string& value) {
    return read_auth({json::kind::object, value});
}

template <class Packet>
result<auth_packet> read_back(const Packet& written) {
    std::string frame;
    append_auth(frame, written);
    packet seen;
    const std::string_view text{frame.data(), frame.size() - terminator.size()};
    EXPECT_TRUE(seen.parse(text)) << text;
    EXPECT_EQ(seen.kind(), packet_kind::auth) << text;
    return read_auth(*seen.fields().find("auth"));
}

TEST(auth_packets, are_read_as_they_are_written) {
    auth_opening opening;
    opening.challenge.fill(0xFE);
    opening.from = {"품목", "10.0.0.2", 65535};
    opening.to = {"goods", "", 1};
    EXPECT_EQ(std::get<auth_opening>(*read_back(opening)), opening);
    opening.to = {};
    opening.to_registry = true;
    EXPECT_EQ(std::get<auth_opening>(*read_back(opening)), opening);
    const auth_answer answer{1, opening.challenge, {bytes_32{}, opening.challenge}};
    EXPECT_EQ(std::get<auth_answer>(*read_back(answer)).proofs, answer.proofs);
    EXPECT_EQ(std::get<auth_answer>(*read_back(answer)).challenge, answer.challenge);
    EXPECT_EQ(
        std::get<auth_confirmation>(*read_back(auth_confirmation{opening.challenge})).proof,
        opening.challenge
    );
    EXPECT_EQ(std::get<auth_refusal>(*read_back(auth_refusal{"no ¶"})).why, "no ¶");
}

TEST(auth_packets, that_are_truncated_or_have_other_values_are_malformed) {
    const std::string from = R"("from":{"name":"a","host":"","port":1})";
    const std::string to = R"("to":{"registry":true})";
    const std::string challenge = R"("challenge":")" + digits + '"';
    EXPECT_TRUE(read("{\"version\":1," + challenge + "," + from + "," + to + "}"));
    for (const std::string& value : std::vector<std::string>{
             "{}",
             "{\"version\":1}",
             "{\"version\":-1," + challenge + "," + from + "," + to + "}",
             "{\"version\":1.5," + challenge + "," + from + "," + to + "}",
             "{\"version\":4294967297," + challenge + "," + from + "," + to + "}",
             "{" + challenge + "," + from + "," + to + "}",
             "{\"version\":1," + from + "," + to + "}",
             "{\"version\":1," + challenge + "," + to + "}",
             "{\"version\":1," + challenge + "," + from + "}",
             "{\"version\":1," + challenge + "," + from + R"(,"to":{"registry":false}})",
             "{\"version\":1," + challenge + R"(,"from":{"name":"a\nb","host":"","port":1},)" + to +
                 "}",
             "{\"version\":1," + challenge + R"(,"from":{"name":"a","host":"","port":65536},)" +
                 to + "}",
             "{\"version\":1," + challenge + R"(,"from":{"name":"a","host":7,"port":1},)" + to +
                 "}",
             "{\"version\":1," + challenge + R"(,"from":{"name":")" + std::string(256, 'n') +
                 R"(","host":"","port":1},)" + to + "}",
             R"({"version":1,"challenge":")" + digits.substr(1) + "\"," + from + "," + to + "}",
             R"({"version":1,"challenge":")" + digits.substr(1) + "A\"," + from + "," + to + "}",
             R"({"proof":")" + digits + "a\"}",
             R"({"proof":7})",
             "{\"version\":1," + challenge + R"(,"proofs":[]})",
             "{\"version\":1," + challenge + R"(,"proofs":7})",
             "{\"version\":1," + challenge + R"(,"proofs":["a"]})",
         }) {
        const auto packet = read(value);
        ASSERT_FALSE(packet) << value;
        EXPECT_EQ(packet.error().code, errc::malformed) << value;
    }
}

TEST(auth_packets, have_a_bounded_number_of_proofs) {
    auth_answer answer;
    answer.proofs.resize(auth_proofs_max);
    EXPECT_TRUE(read_back(answer));
    answer.proofs.resize(auth_proofs_max + 1);
    EXPECT_FALSE(read_back(answer));
}

TEST(auth_packets, are_smaller_than_their_bound) {
    auth_opening opening;
    opening.from = {std::string(255, '\\'), std::string(255, '"'), 65535};
    opening.to = opening.from;
    std::string frame;
    append_auth(frame, opening);
    auth_answer answer;
    answer.proofs.resize(auth_proofs_max);
    std::string second;
    append_auth(second, answer);
    EXPECT_LT(std::max(frame.size(), second.size()), auth_bytes_max);
}

} // namespace
} // namespace msd::wire
