// SPDX-License-Identifier: Apache-2.0
#include "wire/http_char.hpp"
#include "wire/http_line.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

const std::string digits = "0123456789";
const std::string upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const std::string lower = "abcdefghijklmnopqrstuvwxyz";

// All characters that belong to the class, in the order of their codes.
std::string members(bool (*is_member)(char)) {
    std::string found;
    for (int code = 0; code < 256; ++code) {
        if (is_member(static_cast<char>(code))) {
            found += static_cast<char>(code);
        }
    }
    return found;
}

std::string range(int first, int last) {
    std::string all;
    for (int code = first; code <= last; ++code) {
        all += static_cast<char>(code);
    }
    return all;
}

TEST(http_char, has_exactly_the_members_of_each_class) {
    EXPECT_EQ(members(is_digit), digits);
    EXPECT_EQ(members(is_alphanumeric), digits + upper + lower);
    EXPECT_EQ(members(is_hex_digit), digits + "ABCDEFabcdef");
    EXPECT_EQ(members(is_visible), range(0x21, 0x7E));
    EXPECT_EQ(members(is_beyond_ascii), range(0x80, 0xFF));
    EXPECT_EQ(members(is_value_char), "\t" + range(0x20, 0x7E) + range(0x80, 0xFF));
    EXPECT_EQ(members(is_blank), "\t ");
    EXPECT_EQ(members(is_unreserved), "-." + digits + upper + "_" + lower + "~");
    EXPECT_EQ(members(is_sub_delimiter), "!$&'()*+,;=");
    EXPECT_EQ(members(is_token_char), "!#$%&'*+-." + digits + upper + "^_`" + lower + "|~");
}

TEST(http_char, has_the_value_of_each_hexadecimal_digit) {
    const std::string values = "0123456789abcdef";
    for (std::size_t value = 0; value < values.size(); ++value) {
        EXPECT_EQ(hex_value(values[value]), static_cast<int>(value));
    }
    EXPECT_EQ(hex_value('A'), 10);
    EXPECT_EQ(hex_value('F'), 15);
    EXPECT_EQ(hex_value('G'), -1);
}

TEST(http_char, becomes_lower_case_only_when_it_is_a_letter) {
    for (int code = 0; code < 256; ++code) {
        const char c = static_cast<char>(code);
        const std::size_t at = upper.find(c);
        EXPECT_EQ(to_lower(c), at == std::string::npos ? c : lower[at]) << code;
    }
}

} // namespace
} // namespace msd::wire
