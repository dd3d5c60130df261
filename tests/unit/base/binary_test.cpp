// SPDX-License-Identifier: Apache-2.0
#include "base/binary.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace msd {
namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

TEST(binary, reads_back_what_was_written) {
    const time_point now = clock::now();
    std::string bytes;
    binary_writer out{bytes};
    out.number(0).number(127).number(128).number(largest).flag(true).flag(false);
    out.text("").text(std::string_view{"a\0\xC2\xB6", 4});
    out.time(now).time(time_point::max()).time(time_point::min());
    binary_reader in{bytes};
    EXPECT_EQ(in.number(), 0U);
    EXPECT_EQ(in.number(), 127U);
    EXPECT_EQ(in.number(), 128U);
    EXPECT_EQ(in.number(), largest);
    EXPECT_TRUE(in.flag());
    EXPECT_FALSE(in.flag());
    EXPECT_EQ(in.text(0), "");
    EXPECT_EQ(in.text(4), (std::string_view{"a\0\xC2\xB6", 4}));
    EXPECT_EQ(in.time(), now);
    EXPECT_EQ(in.time(), time_point::max());
    EXPECT_EQ(in.time(), time_point::min());
    EXPECT_TRUE(in.is_complete());
}

TEST(binary, fails_on_a_value_over_its_limit_and_on_all_later_reads) {
    std::string bytes;
    binary_writer{bytes}.number(8).number(1).text("abc");
    binary_reader in{bytes};
    EXPECT_EQ(in.number(7), 0U);
    EXPECT_TRUE(in.failed());
    EXPECT_EQ(in.number(), 0U);
    EXPECT_EQ(in.text(3), "");
    EXPECT_FALSE(in.is_complete());

    std::string text;
    binary_writer{text}.text("abc");
    binary_reader short_text{text};
    EXPECT_EQ(short_text.text(2), "");
    EXPECT_TRUE(short_text.failed());
}

TEST(binary, refuses_numbers_over_64_bits) {
    for (const std::string& bytes :
         {std::string(9, '\xFF') + '\x02',
          std::string(10, '\xFF') + '\x01',
          std::string(100, '\x80')}) {
        binary_reader in{bytes};
        EXPECT_EQ(in.number(), 0U);
        EXPECT_TRUE(in.failed());
    }
}

TEST(binary, refuses_a_count_larger_than_the_number_of_bytes_left) {
    std::string bytes;
    binary_writer{bytes}.number(3).number(1).number(1);
    binary_reader in{bytes};
    EXPECT_EQ(in.count(1000), 0U);
    EXPECT_TRUE(in.failed());
}

TEST(binary, refuses_times_out_of_range) {
    std::string bytes;
    binary_writer{bytes}.time(time_point::max() - clock::duration{1});
    binary_reader in{bytes};
    EXPECT_EQ(in.time(), time_point{});
    EXPECT_TRUE(in.failed());
}

TEST(binary, is_not_complete_with_unread_or_missing_bytes) {
    std::string bytes;
    binary_writer{bytes}.number(1).text("abc");
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        binary_reader in{std::string_view{bytes}.substr(0, length)};
        in.number();
        in.text(10);
        EXPECT_FALSE(in.is_complete()) << length;
    }
    binary_reader in{bytes};
    in.number();
    EXPECT_FALSE(in.is_complete());
    EXPECT_FALSE(in.failed());
}

} // namespace
} // namespace msd
