// SPDX-License-Identifier: Apache-2.0
#include "core/exhaustion.hpp"

#include <gtest/gtest.h>

namespace msd::core {
namespace {

constexpr time_point start{std::chrono::seconds{100}};

TEST(exhaustion, is_reported_once_however_often_accepting_pauses) {
    exhaustion episode;
    EXPECT_TRUE(episode.begins(start));
    EXPECT_FALSE(episode.begins(start + milliseconds{500}));
    EXPECT_FALSE(episode.begins(start + milliseconds{60'000}));
}

TEST(exhaustion, continues_while_connections_are_accepted_between_pauses) {
    exhaustion episode;
    (void)episode.begins(start);
    EXPECT_FALSE(episode.ends(start + milliseconds{600}));
    (void)episode.begins(start + milliseconds{700});
    EXPECT_FALSE(episode.ends(start + exhaustion::quiet));
}

TEST(exhaustion, ends_with_a_count_after_a_while_without_pauses) {
    exhaustion episode;
    (void)episode.begins(start);
    (void)episode.begins(start + milliseconds{500});
    const time_point later = start + milliseconds{500} + exhaustion::quiet;
    EXPECT_FALSE(episode.ends(later - milliseconds{1}));
    EXPECT_EQ(episode.ends(later), 2U);
    EXPECT_FALSE(episode.ends(later));
    EXPECT_TRUE(episode.begins(later));
}

TEST(exhaustion, does_not_end_when_it_has_not_begun) {
    exhaustion episode;
    EXPECT_FALSE(episode.ends(start));
}

} // namespace
} // namespace msd::core
