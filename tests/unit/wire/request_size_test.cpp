// SPDX-License-Identifier: Apache-2.0
#include "wire/request_size.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

std::string repeat(const std::string& text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) {
        out += text;
    }
    return out;
}

TEST(request_size, counts_each_escape_as_one_byte) {
    EXPECT_EQ(counted_bytes(""), 0U);
    EXPECT_EQ(counted_bytes(R"({"a":"b"})"), 9U);
    EXPECT_EQ(counted_bytes(R"("\u00b6\"\\\n")"), 6U);
    EXPECT_EQ(counted_bytes(R"("\\u00b6")"), 8U) << "an escaped backslash, and five characters";
    EXPECT_EQ(counted_bytes(R"("\u00)"), 2U) << "cut";
    EXPECT_EQ(counted_bytes("\"\\"), 2U);
}

TEST(request_size, is_compared_with_the_limit_without_its_escapes) {
    constexpr std::size_t limit = 1000;
    constexpr std::size_t room = limit + request_envelope_bytes;
    const request_size_check sizes{limit};
    EXPECT_FALSE(sizes.is_too_large(std::string(room, 'x')));
    EXPECT_TRUE(sizes.is_too_large(std::string(room + 1, 'x')));
    EXPECT_FALSE(sizes.is_too_large(repeat("\\u00b6", room)));
    EXPECT_TRUE(sizes.is_too_large(repeat("\\u00b6", room) + "x"));
}

TEST(request_size, is_refused_while_an_endless_frame_grows) {
    request_size_check sizes{1000};
    std::string frame(1000 + request_envelope_bytes, 'x');
    EXPECT_FALSE(sizes.is_growing_too_large(frame));
    frame += 'x';
    EXPECT_TRUE(sizes.is_growing_too_large(frame));
    EXPECT_FALSE(sizes.is_growing_too_large(""));
    EXPECT_TRUE(sizes.is_growing_too_large(frame)) << "of the next frame";
}

} // namespace
} // namespace msd::wire
