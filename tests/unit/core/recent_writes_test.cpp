// SPDX-License-Identifier: Apache-2.0
#include "core/recent_writes.hpp"

#include <gtest/gtest.h>

namespace msd::core {
namespace {

constexpr milliseconds span{2000};

constexpr time_point at(std::int64_t ms) {
    return time_point{std::chrono::hours{1}} + milliseconds{ms};
}

TEST(recent_writes, knows_of_none_at_first) {
    const recent_writes writes;
    EXPECT_FALSE(writes.within(1, span, at(0)));
    EXPECT_FALSE(writes.any_within(span, at(0)));
}

TEST(recent_writes, remembers_a_write_for_the_span_asked_for) {
    recent_writes writes;
    writes.note(1, at(0));
    EXPECT_TRUE(writes.within(1, span, at(0)));
    EXPECT_TRUE(writes.within(1, span, at(1999)));
    EXPECT_FALSE(writes.within(1, span, at(2000)));
    EXPECT_TRUE(writes.any_within(span, at(1999)));
    EXPECT_FALSE(writes.any_within(span, at(2000)));
}

TEST(recent_writes, tells_things_apart) {
    recent_writes writes;
    writes.note(1, at(0));
    EXPECT_FALSE(writes.within(2, span, at(0)));
    EXPECT_TRUE(writes.within(1 + recent_writes::places, span, at(0))) << "they share a place";
}

TEST(recent_writes, takes_every_thing_for_written_when_nobody_knows_which_was) {
    recent_writes writes;
    writes.note_all(at(0));
    EXPECT_TRUE(writes.within(1, span, at(1999)));
    EXPECT_TRUE(writes.within(2, span, at(1999)));
    EXPECT_TRUE(writes.any_within(span, at(1999)));
    EXPECT_FALSE(writes.within(1, span, at(2000)));
}

TEST(recent_writes, keeps_the_later_of_two) {
    recent_writes writes;
    writes.note(1, at(500));
    writes.note(1, at(0));
    EXPECT_TRUE(writes.within(1, span, at(2400)));
}

TEST(recent_writes, believes_a_clock_that_is_a_little_ahead) {
    recent_writes writes;
    writes.note(1, at(1));
    EXPECT_TRUE(writes.within(1, span, at(0)));
}

TEST(recent_writes, forgets_what_is_left_from_before_the_clock_began_anew) {
    recent_writes writes;
    writes.note(1, at(100'000));
    EXPECT_FALSE(writes.within(1, span, at(0)));
    EXPECT_FALSE(writes.any_within(span, at(0)));
    writes.note(1, at(0));
    EXPECT_TRUE(writes.within(1, span, at(0)));
    EXPECT_TRUE(writes.any_within(span, at(0)));
}

} // namespace
} // namespace msd::core
