// SPDX-License-Identifier: Apache-2.0
#include "core/accept_share.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace msd::core {
namespace {

bool a_connection_waits() {
    return true;
}

bool none_waits() {
    return false;
}

class accept_sharing : public testing::Test {
protected:
    accept_sharing() {
        mine.begin();
        sibling.begin();
    }

    static void accept(accept_share& by, int connections) {
        for (int count = 0; count < connections; ++count) {
            by.accepted();
        }
    }

    [[nodiscard]] bool leaves(bool (*waiting)() = a_connection_waits) {
        return mine.leaves_to_siblings(now, waiting);
    }

    scoreboard board = *scoreboard::create();
    accept_share mine{board, 0, "gateway"};
    accept_share sibling{board, 1, "gateway"};
    time_point now{std::chrono::hours{1}};
};

TEST_F(accept_sharing, accepts_while_no_sibling_has_far_fewer_connections) {
    EXPECT_FALSE(leaves());
    accept(mine, 8);
    EXPECT_FALSE(leaves());
    accept(mine, 1);
    EXPECT_TRUE(leaves());
}

TEST_F(accept_sharing, continues_when_the_sibling_has_caught_up) {
    accept(mine, 20);
    EXPECT_TRUE(leaves());
    accept(sibling, 10);
    EXPECT_TRUE(leaves());
    accept(sibling, 3);
    EXPECT_FALSE(leaves());
}

TEST_F(accept_sharing, continues_when_its_own_connections_are_closed) {
    accept(mine, 20);
    EXPECT_TRUE(leaves());
    for (int count = 0; count < 12; ++count) {
        mine.closed();
    }
    EXPECT_FALSE(leaves());
}

TEST_F(accept_sharing, pauses_for_a_limited_time_and_not_again_before_it_has_accepted_one) {
    accept(mine, 100);
    EXPECT_TRUE(leaves());
    accept(sibling, 1); // so that the sibling counts as alive
    now += accept_share::pause_max;
    EXPECT_FALSE(leaves());
    EXPECT_FALSE(leaves());
    accept(mine, 1);
    EXPECT_TRUE(leaves());
}

TEST_F(accept_sharing, ignores_siblings_for_some_time_after_they_left_a_connection_waiting) {
    accept(mine, 100);
    EXPECT_TRUE(leaves());
    now += accept_share::pause_max;
    EXPECT_FALSE(leaves(a_connection_waits));
    accept(mine, 1);
    EXPECT_FALSE(leaves());
    now += accept_share::alone_time;
    EXPECT_TRUE(leaves());
}

TEST_F(accept_sharing, does_not_ignore_siblings_that_had_nothing_to_accept) {
    accept(mine, 100);
    EXPECT_TRUE(leaves());
    now += accept_share::pause_max;
    EXPECT_FALSE(leaves(none_waits));
    accept(mine, 1);
    EXPECT_TRUE(leaves());
}

TEST_F(accept_sharing, ignores_workers_that_do_not_accept_and_those_of_other_pools) {
    sibling.end();
    accept_share other{board, 2, "goods"};
    other.begin();
    accept(mine, 100);
    EXPECT_FALSE(leaves());
}

TEST_F(accept_sharing, starts_at_zero_after_a_previous_worker_of_the_slot) {
    accept(mine, 100);
    accept_share successor{board, 0, "gateway"};
    successor.begin();
    EXPECT_EQ(board.line(0).held, 0U);
    successor.accepted();
    EXPECT_FALSE(successor.leaves_to_siblings(now, a_connection_waits));
}

TEST_F(accept_sharing, allows_a_larger_difference_between_more_connections) {
    accept(mine, 1000);
    accept(sibling, 940);
    EXPECT_FALSE(leaves());
    accept(mine, 20);
    EXPECT_TRUE(leaves());
}

// In each step one of the workers runs alone for some turns, as under a busy scheduler.
TEST(accept_share, keeps_a_burst_within_the_margin) {
    const scoreboard board = *scoreboard::create();
    std::array<accept_share, 4> workers{{
        {board, 0, "gateway"},
        {board, 1, "gateway"},
        {board, 2, "gateway"},
        {board, 3, "gateway"},
    }};
    for (accept_share& each : workers) {
        each.begin();
    }
    std::minstd_rand random{1}; // the same in every run
    const time_point now{std::chrono::hours{1}};
    for (int left = 1000; left > 0;) {
        accept_share& running = workers.at(random() % workers.size());
        for (auto turns = random() % 300; turns > 0 && left > 0; --turns) {
            if (!running.leaves_to_siblings(now, a_connection_waits)) {
                running.accepted();
                --left;
            }
        }
    }
    for (std::size_t index = 0; index < workers.size(); ++index) {
        EXPECT_LE(board.line(index).held, 280U);
        EXPECT_GE(board.line(index).held, 200U);
    }
}

TEST_F(accept_sharing, looks_for_siblings_up_to_64_unused_lines) {
    sibling.end();
    accept(mine, 100);
    accept_share far{board, 65, "gateway"};
    far.begin();
    EXPECT_FALSE(leaves()) << "lines 1 to 64 are unused";
    board.line(1).heartbeat_ns = 1;
    EXPECT_TRUE(leaves()) << "lines 2 to 64 are unused";
}

TEST_F(accept_sharing, ignores_a_successor_that_has_not_begun) {
    accept_share successor{board, 1, "gateway"};
    accept(mine, 100);
    EXPECT_FALSE(leaves());
    board.line(1).accepted = 5;
    accept_share next{board, 1, "gateway"};
    EXPECT_EQ(board.line(1).accepted, 0U);
    next.begin();
    EXPECT_TRUE(leaves());
}

TEST_F(accept_sharing, ignores_siblings_for_one_second) {
    accept(mine, 100);
    EXPECT_TRUE(leaves());
    now += accept_share::pause_max - milliseconds{1};
    EXPECT_TRUE(leaves());
    now += milliseconds{1};
    EXPECT_FALSE(leaves());
    accept(mine, 1);
    now += milliseconds{999};
    EXPECT_FALSE(leaves());
    now += milliseconds{1};
    EXPECT_TRUE(leaves());
    EXPECT_EQ(accept_share::pause_max, milliseconds{20});
}

TEST(scoreboard, takes_an_impossible_heartbeat_as_none) {
    const scoreboard board = *scoreboard::create();
    worker_figures& line = board.line(0);
    constexpr time_point now{milliseconds{1000}};
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    for (const std::int64_t value : {most, least, std::int64_t{-1}, std::int64_t{0}}) {
        line.heartbeat_ns = value;
        EXPECT_EQ(line.last_beat(now), time_point{}) << value;
    }
    line.beat(now + worker_figures::beat_ahead_max);
    EXPECT_EQ(line.last_beat(now), now) << "the reader's time is older than the heartbeat";
    line.beat(now + worker_figures::beat_ahead_max + clock::duration{1});
    EXPECT_EQ(line.last_beat(now), time_point{});
}

TEST(scoreboard, cannot_be_truncated_or_extended) {
    const scoreboard board = *scoreboard::create();
    EXPECT_NE(ftruncate(board.descriptor(), 0), 0);
    EXPECT_EQ(errno, EPERM);
    EXPECT_NE(ftruncate(board.descriptor(), off_t{1} << 30), 0);
    board.line(scoreboard::lines_max - 1).requests = 1; // else SIGBUS
}

TEST(scoreboard, clears_every_field_of_a_line_but_beats_with_the_given_time) {
    const scoreboard board = *scoreboard::create();
    worker_figures& line = board.line(scoreboard::lines_max - 1);
    constexpr time_point now{milliseconds{8}};
    EXPECT_EQ(line.last_beat(now), time_point{});
    line.beat(time_point{milliseconds{7}});
    EXPECT_EQ(line.last_beat(now), time_point{milliseconds{7}});
    line.connections = 1;
    line.requests = 2;
    line.beats_every_ms = 3;
    line.accepts_for = 4;
    line.accepted = 5;
    line.held = 6;
    line.clear();
    EXPECT_EQ(line.last_beat(now), time_point{});
    EXPECT_EQ(line.connections, 0U);
    EXPECT_EQ(line.requests, 0U);
    EXPECT_EQ(line.beats_every_ms, 0);
    EXPECT_EQ(line.accepts_for, 0U);
    EXPECT_EQ(line.accepted, 0U);
    EXPECT_EQ(line.held, 0U);
}

} // namespace
} // namespace msd::core
