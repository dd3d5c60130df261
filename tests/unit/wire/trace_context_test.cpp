// SPDX-License-Identifier: Apache-2.0
#include "wire/trace_context.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

const std::string trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string parent_id = "00f067aa0ba902b7";
const std::string valid = "00-" + trace_id + "-" + parent_id + "-01";

TEST(trace_context, forwards_a_valid_traceparent_unchanged) {
    EXPECT_EQ(traceparent_to_forward(valid), valid);
    const std::string unsampled = "00-" + trace_id + "-" + parent_id + "-00";
    EXPECT_EQ(traceparent_to_forward(unsampled), unsampled);
}

TEST(trace_context, rejects_a_traceparent_of_another_form) {
    const std::string zeros(32, '0');
    const std::string invalid[] = {
        "",
        "-",
        std::string(55, '-'),
        std::string(55, '0'),
        "ff-" + trace_id + "-" + parent_id + "-01",
        "FF-" + trace_id + "-" + parent_id + "-01",
        "0g-" + trace_id + "-" + parent_id + "-01",
        "00-" + zeros + "-" + parent_id + "-01",
        "00-" + trace_id + "-" + zeros.substr(0, 16) + "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + parent_id + "-01",
        "00-" + trace_id + "-00F067AA0BA902B7-01",
        "00-" + trace_id + "-" + parent_id + "-0x",
        "00-" + trace_id + "-" + parent_id + "-0A",
        "00_" + trace_id + "-" + parent_id + "-01",
        "00-" + trace_id + "_" + parent_id + "-01",
        "00-" + trace_id + "-" + parent_id + "_01",
        valid.substr(0, 54),
        valid + "-",
        valid + "-00",
        valid + "0",
        " " + valid,
        "00-" + trace_id.substr(1) + "-" + parent_id + "-011",
    };
    for (const std::string& text : invalid) {
        EXPECT_EQ(traceparent_to_forward(text), "") << text;
    }
}

TEST(trace_context, forwards_the_known_fields_of_a_later_version) {
    const std::string ids = "-" + trace_id + "-" + parent_id + "-";
    EXPECT_EQ(traceparent_to_forward("01" + ids + "01"), valid);
    EXPECT_EQ(traceparent_to_forward("cc" + ids + "ff-what-ever"), valid);
    EXPECT_EQ(traceparent_to_forward("fe" + ids + "0e-"), "00" + ids + "00");
    EXPECT_EQ(traceparent_to_forward("01" + ids + "01.more"), "");
    EXPECT_EQ(traceparent_to_forward("01" + ids + "011"), "");
    EXPECT_EQ(traceparent_to_forward("01" + ids + "0"), "");
}

TEST(trace_context, accepts_each_lower_case_hexadecimal_digit_and_no_other_character) {
    const std::string start = "00-0123456789abcdef0123456789abcde";
    const std::string end = "-" + parent_id + "-01";
    for (const char digit : std::string{"0123456789abcdef"}) {
        EXPECT_EQ(traceparent_to_forward(start + digit + end), start + digit + end) << digit;
    }
    for (const char other : std::string{"/:`gAG- "}) {
        EXPECT_EQ(traceparent_to_forward(start + other + end), "") << other;
    }
}

TEST(trace_context, requires_each_digit_of_each_field) {
    for (std::size_t at = 0; at < valid.size(); ++at) {
        std::string text = valid;
        text[at] = 'x';
        EXPECT_EQ(traceparent_to_forward(text), "") << text;
        text = "01" + valid.substr(2);
        text[at] = 'x';
        EXPECT_EQ(traceparent_to_forward(text), "") << text;
    }
    const std::string one(31, '0');
    EXPECT_NE(traceparent_to_forward("00-1" + one + "-" + parent_id + "-01"), "");
    EXPECT_NE(traceparent_to_forward("00-" + one + "1-" + parent_id + "-01"), "");
    EXPECT_NE(traceparent_to_forward("00-" + trace_id + "-1000000000000000-01"), "");
    EXPECT_NE(traceparent_to_forward("00-" + trace_id + "-0000000000000001-01"), "");
}

} // namespace
} // namespace msd::wire
