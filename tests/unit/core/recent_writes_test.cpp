// SPDX-License-Identifier: Apache-2.0
#include "core/recent_writes.hpp"

#include <gtest/gtest.h>

namespace msd::core {
namespace {

constexpr milliseconds span{2000};

constexpr time_point at(std::int64_t ms) {
    return time_point{std::chrono::hours{1}} + milliseconds{ms};
}

TEST(recent_writes, are_empty_at_first) {
    const recent_writes writes;
    EXPECT_FALSE(writes.within(1, span, at(0)));
    EXPECT_FALSE(writes.any_within(span, at(0)));
}

TEST(recent_writes, remember_a_write_for_the_given_time) {
    recent_writes writes;
    writes.note(1, at(0));
    EXPECT_TRUE(writes.within(1, span, at(0)));
    EXPECT_TRUE(writes.within(1, span, at(1999)));
    EXPECT_FALSE(writes.within(1, span, at(2000)));
    EXPECT_TRUE(writes.any_within(span, at(1999)));
    EXPECT_FALSE(writes.any_within(span, at(2000)));
}

TEST(recent_writes, distinguish_rows) {
    recent_writes writes;
    writes.note(1, at(0));
    EXPECT_FALSE(writes.within(2, span, at(0)));
    EXPECT_TRUE(writes.within(1 + recent_writes::places, span, at(0))) << "they share a place";
}

TEST(recent_writes, count_every_row_as_written_after_an_unknown_write) {
    recent_writes writes;
    writes.note_all(at(0));
    EXPECT_TRUE(writes.within(1, span, at(1999)));
    EXPECT_TRUE(writes.within(2, span, at(1999)));
    EXPECT_TRUE(writes.any_within(span, at(1999)));
    EXPECT_FALSE(writes.within(1, span, at(2000)));
}

TEST(recent_writes, keep_the_later_of_two_writes) {
    recent_writes writes;
    writes.note(1, at(500));
    writes.note(1, at(0));
    EXPECT_TRUE(writes.within(1, span, at(2400)));
}

TEST(recent_writes, accept_a_time_slightly_in_the_future) {
    recent_writes writes;
    writes.note(1, at(1));
    EXPECT_TRUE(writes.within(1, span, at(0)));
}

TEST(recent_writes, ignore_times_from_before_a_reboot) {
    recent_writes writes;
    writes.note(1, at(100'000));
    EXPECT_FALSE(writes.within(1, span, at(0)));
    EXPECT_FALSE(writes.any_within(span, at(0)));
    writes.note(1, at(0));
    EXPECT_TRUE(writes.within(1, span, at(0)));
    EXPECT_TRUE(writes.any_within(span, at(0)));
}

TEST(recent_writes, take_a_time_up_to_one_second_ahead_for_one_of_another_process) {
    recent_writes writes;
    writes.note(1, at(999));
    EXPECT_TRUE(writes.within(1, span, at(0)));
    EXPECT_FALSE(writes.within(1, span, at(-1)));
    writes.note(1, at(-1));
    EXPECT_TRUE(writes.within(1, span, at(2998))) << "the later time is kept";
    writes.note(1, at(-2));
    EXPECT_FALSE(writes.within(1, span, at(2998))) << "a second is too much";
    EXPECT_EQ(recent_writes::places, 1024U);
}

} // namespace
} // namespace msd::core
