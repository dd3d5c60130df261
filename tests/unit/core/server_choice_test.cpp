// SPDX-License-Identifier: Apache-2.0
#include "core/server_choice.hpp"

#include <gtest/gtest.h>
#include <map>
#include <string_view>

namespace msd::core {
namespace {

constexpr std::uint64_t thing = 1;

constexpr time_point at(std::int64_t ms) {
    return time_point{std::chrono::hours{1}} + milliseconds{ms};
}

server_report primary_at(std::string_view position) {
    return {.position = replication_position::parse(position).value()};
}

server_report replica_at(std::string_view position) {
    auto report = primary_at(position);
    report.read_only = true;
    report.replicating = true;
    return report;
}

server_report node_at(std::uint64_t number) {
    return {.in_cluster = true, .position = replication_position{number}};
}

server_report node_apart() {
    auto report = node_at(1);
    report.ready = false;
    return report;
}

// A primary, number 0, and two replicas, 1 and 2; lag_max 2000 ms.
class primary_and_replicas : public testing::Test {
protected:
    primary_and_replicas() {
        for (std::size_t each = 0; each < 3; ++each) {
            choice_.failed(each, at(-1));
        }
    }

    void all_at(std::string_view position, std::int64_t ms) {
        choice_.answered(0, primary_at(position), at(ms));
        choice_.answered(1, replica_at(position), at(ms));
        choice_.answered(2, replica_at(position), at(ms));
    }

    std::optional<std::size_t> reader(std::int64_t ms) {
        return choice_.reader(thing, writes_, at(ms));
    }

    // How many of ten reads each server gets.
    std::map<std::size_t, int> ten_reads(std::int64_t ms) {
        std::map<std::size_t, int> taken;
        for (int i = 0; i < 10; ++i) {
            ++taken[reader(ms).value()];
        }
        return taken;
    }

    server_choice choice_{{.servers = 3, .replicas = 2}};
    recent_writes writes_;
};

using shares = std::map<std::size_t, int>;

TEST_F(primary_and_replicas, are_unknown_before_the_first_answer) {
    EXPECT_FALSE(choice_.primary());
    EXPECT_FALSE(reader(0));
}

TEST_F(primary_and_replicas, get_writes_and_reads_respectively) {
    all_at("0-1-5", 0);
    EXPECT_EQ(choice_.primary(), 0U);
    EXPECT_EQ(ten_reads(0), (shares{{1, 5}, {2, 5}}));
}

TEST_F(primary_and_replicas, read_from_the_primary_when_no_replica_is_up) {
    choice_.answered(0, primary_at("0-1-5"), at(0));
    EXPECT_EQ(ten_reads(0), (shares{{0, 10}}));
    all_at("0-1-5", 10);
    choice_.failed(1, at(20));
    EXPECT_EQ(ten_reads(20), (shares{{2, 10}}));
    choice_.failed(2, at(30));
    EXPECT_EQ(ten_reads(30), (shares{{0, 10}}));
}

TEST_F(primary_and_replicas, use_a_replica_again_when_it_answers_again) {
    all_at("0-1-5", 0);
    choice_.failed(1, at(10));
    choice_.answered(1, replica_at("0-1-5"), at(20));
    EXPECT_EQ(ten_reads(20), (shares{{1, 5}, {2, 5}}));
}

TEST_F(primary_and_replicas, skip_a_replica_that_is_too_far_behind) {
    all_at("0-1-5", 0);
    choice_.answered(0, primary_at("0-1-6"), at(500));
    EXPECT_EQ(choice_.lag(1, at(600)), milliseconds{600});
    EXPECT_EQ(ten_reads(2000), (shares{{1, 5}, {2, 5}})) << "within the bound";
    EXPECT_EQ(ten_reads(2001), (shares{{0, 10}}));
    choice_.answered(2, replica_at("0-1-6"), at(2100));
    EXPECT_EQ(ten_reads(2100), (shares{{2, 10}}));
}

TEST_F(primary_and_replicas, measure_lag_by_positions_of_the_primary) {
    for (int i = 0; i < 10; ++i) {
        choice_.answered(0, primary_at("0-1-" + std::to_string(i + 1)), at(i * 100));
    }
    choice_.answered(1, replica_at("0-1-4"), at(900));
    EXPECT_EQ(choice_.lag(1, at(900)), milliseconds{600});
    EXPECT_FALSE(choice_.lag(2, at(900))) << "never seen";
}

TEST_F(primary_and_replicas, count_a_replica_as_current_while_the_primary_has_nothing_new) {
    all_at("0-1-5", 0);
    choice_.answered(0, primary_at("0-1-5"), at(60'000));
    EXPECT_EQ(choice_.lag(1, at(60'000)), milliseconds{0});
    EXPECT_EQ(ten_reads(60'000), (shares{{1, 5}, {2, 5}}));
}

TEST_F(primary_and_replicas, use_no_replica_when_the_primary_was_not_queried_for_long) {
    all_at("0-1-5", 0);
    EXPECT_EQ(ten_reads(2001), (shares{{0, 10}}));
}

TEST_F(primary_and_replicas, keep_a_bounded_number_of_positions) {
    choice_.answered(1, replica_at("0-1-1"), at(0));
    for (std::size_t i = 0; i <= server_choice::positions_max; ++i) {
        choice_.answered(0, primary_at("0-1-" + std::to_string(i + 1)), at(0));
    }
    EXPECT_FALSE(choice_.lag(1, at(0))) << "older than all that is kept";
}

TEST_F(primary_and_replicas, read_back_own_writes_from_the_primary) {
    all_at("0-1-5", 0);
    writes_.note(thing, at(100));
    EXPECT_EQ(reader(100), 0U);
    EXPECT_EQ(reader(1999), 0U);
    EXPECT_NE(choice_.reader(thing + 1, writes_, at(100)), 0U) << "was not written";
    EXPECT_EQ(choice_.reader(std::nullopt, writes_, at(100)), 0U) << "a list has all things";
}

TEST_F(primary_and_replicas, never_show_a_replica_older_than_an_own_write) {
    all_at("0-1-5", 0);
    writes_.note(thing, at(100));
    // The replicas do not advance; the primary is queried repeatedly.
    for (int ms = 200; ms < 10'000; ms += 100) {
        choice_.answered(0, primary_at("0-1-6"), at(ms));
        EXPECT_EQ(reader(ms), 0U) << ms;
    }
}

TEST_F(primary_and_replicas, continue_to_read_without_a_primary) {
    all_at("0-1-5", 0);
    choice_.failed(0, at(10));
    EXPECT_FALSE(choice_.primary());
    EXPECT_EQ(ten_reads(60'000), (shares{{1, 5}, {2, 5}})) << "nothing new can be missed";
}

TEST_F(primary_and_replicas, read_only_what_the_lost_primary_was_seen_to_have) {
    all_at("0-1-5", 0);
    choice_.answered(0, primary_at("0-1-6"), at(100));
    choice_.answered(2, replica_at("0-1-6"), at(110));
    choice_.failed(0, at(120));
    EXPECT_EQ(ten_reads(130), (shares{{2, 10}}));
    choice_.failed(2, at(140));
    EXPECT_FALSE(reader(150)) << "the other one misses a write";
}

TEST_F(primary_and_replicas, do_not_read_back_own_writes_from_a_replica_when_the_primary_is_lost) {
    all_at("0-1-5", 0);
    writes_.note(thing, at(5));
    choice_.failed(0, at(10));
    EXPECT_FALSE(reader(20));
    EXPECT_TRUE(reader(2005)) << "what was not replicated by now is lost with the primary";
}

TEST_F(primary_and_replicas, fail_over_to_a_promoted_replica) {
    all_at("0-1-5", 0);
    choice_.failed(0, at(10));
    choice_.answered(2, primary_at("0-1-5"), at(20));
    EXPECT_EQ(choice_.primary(), 2U);
    EXPECT_EQ(ten_reads(20), (shares{{1, 5}, {2, 5}}));
    choice_.answered(2, primary_at("0-3-6"), at(1000));
    EXPECT_EQ(choice_.lag(1, at(1000)), milliseconds{980});
}

TEST_F(primary_and_replicas, write_to_no_server_that_replicates_even_if_it_is_writable) {
    auto careless = replica_at("0-1-5");
    careless.read_only = false;
    all_at("0-1-5", 0);
    choice_.answered(1, careless, at(5));
    choice_.failed(0, at(10));
    EXPECT_FALSE(choice_.primary());
}

TEST_F(primary_and_replicas, keep_the_promoted_server_when_the_old_primary_returns) {
    all_at("0-1-5", 0);
    choice_.failed(0, at(10));
    choice_.answered(2, primary_at("0-1-5"), at(20));
    choice_.answered(0, primary_at("0-1-5"), at(30));
    EXPECT_EQ(choice_.primary(), 2U);
    EXPECT_EQ(choice_.writable(), 2U) << "somebody ought to be told";
}

TEST_F(primary_and_replicas, prefer_the_server_with_more_data) {
    choice_.answered(2, primary_at("0-3-9"), at(0));
    choice_.failed(2, at(1));
    choice_.answered(0, primary_at("0-1-5"), at(2));
    ASSERT_EQ(choice_.primary(), 0U);
    choice_.answered(2, primary_at("0-3-9"), at(3));
    EXPECT_EQ(choice_.primary(), 0U) << "it was chosen";
    choice_.failed(0, at(4));
    choice_.answered(0, primary_at("0-1-5"), at(5));
    ASSERT_EQ(choice_.primary(), 2U);
    choice_.failed(2, at(6));
    choice_.answered(2, replica_at("0-3-9"), at(7));
    EXPECT_EQ(choice_.primary(), 0U);
}

TEST_F(primary_and_replicas, choose_the_server_with_most_data_of_several) {
    // All answer at the same time: a server is not chosen as long as it is read-only.
    choice_.answered(0, replica_at("0-1-5"), at(0));
    choice_.answered(1, replica_at("0-1-5"), at(0));
    choice_.answered(2, primary_at("0-3-9"), at(0));
    choice_.answered(0, primary_at("0-1-5"), at(1));
    choice_.answered(1, primary_at("0-1-7"), at(1));
    choice_.refused_write(2, at(2));
    EXPECT_EQ(choice_.primary(), 1U);
}

TEST_F(primary_and_replicas, prefer_a_server_that_does_not_replicate) {
    auto follower = primary_at("0-1-9");
    follower.replicating = true; // the old primary, now a replica, still writable
    choice_.answered(0, follower, at(0));
    choice_.answered(1, primary_at("0-1-9"), at(0));
    choice_.refused_write(0, at(1));
    choice_.answered(0, follower, at(2));
    EXPECT_EQ(choice_.primary(), 1U);
}

TEST_F(primary_and_replicas, leave_a_primary_that_was_demoted) {
    all_at("0-1-5", 0);
    choice_.refused_write(0, at(10));
    EXPECT_FALSE(choice_.primary());
    EXPECT_TRUE(choice_.is_up(0));
    choice_.answered(1, primary_at("0-1-5"), at(20));
    EXPECT_EQ(choice_.primary(), 1U);
}

TEST_F(primary_and_replicas, use_the_primary_again_when_it_accepts_writes_again) {
    all_at("0-1-5", 0);
    choice_.refused_write(0, at(10));
    choice_.answered(0, replica_at("0-1-5"), at(20));
    EXPECT_FALSE(choice_.primary());
    choice_.answered(0, primary_at("0-1-5"), at(30));
    EXPECT_EQ(choice_.primary(), 0U);
}

TEST_F(primary_and_replicas, ignore_an_answer_to_a_query_sent_before_a_failure) {
    all_at("0-1-5", 0);
    choice_.failed(0, at(10));
    choice_.answered(0, primary_at("0-1-5"), at(9));
    EXPECT_FALSE(choice_.primary());
    choice_.answered(0, primary_at("0-1-5"), at(10));
    EXPECT_EQ(choice_.primary(), 0U);
}

TEST(primary_with_replica, is_not_chosen_before_all_were_queried) {
    server_choice choice{{.servers = 2, .replicas = 1}};
    choice.answered(0, primary_at("0-1-5"), at(0));
    EXPECT_FALSE(choice.primary()) << "the other one may have been promoted";
    choice.answered(1, primary_at("0-2-9"), at(1));
    EXPECT_EQ(choice.primary(), 1U);
}

TEST(primary_with_replica, is_chosen_when_the_other_server_cannot_be_reached) {
    server_choice choice{{.servers = 2, .replicas = 1}};
    choice.answered(0, primary_at("0-1-5"), at(0));
    choice.failed(1, at(1));
    EXPECT_EQ(choice.primary(), 0U);
}

TEST_F(primary_and_replicas, read_from_no_replica_without_a_position) {
    all_at("0-1-5", 0);
    auto silent = replica_at("0-1-5");
    silent.position.reset();
    choice_.answered(1, silent, at(10));
    EXPECT_EQ(ten_reads(10), (shares{{2, 10}}));
    EXPECT_FALSE(choice_.lag(1, at(10)));
}

TEST_F(primary_and_replicas, read_from_the_primary_when_it_reports_no_position) {
    all_at("0-1-5", 0);
    auto silent = primary_at("0-1-5");
    silent.position.reset();
    choice_.answered(0, silent, at(10));
    EXPECT_EQ(choice_.primary(), 0U);
    EXPECT_EQ(ten_reads(2001), (shares{{0, 10}}));
}

// Two nodes of a cluster.
class cluster : public testing::Test {
protected:
    server_choice choice_{{.servers = 2}};
    recent_writes writes_;
};

TEST_F(cluster, writes_to_the_first_node_that_is_ready) {
    choice_.answered(1, node_at(5), at(0));
    choice_.answered(0, node_at(5), at(1));
    EXPECT_EQ(choice_.primary(), 1U) << "it was there first";
    choice_.failed(1, at(2));
    EXPECT_EQ(choice_.primary(), 0U);
}

TEST_F(cluster, is_used_before_all_nodes_answered) {
    choice_.answered(1, node_at(5), at(0));
    EXPECT_EQ(choice_.primary(), 1U);
}

TEST_F(cluster, does_not_prefer_a_node_that_is_ahead) {
    choice_.answered(0, node_apart(), at(0));
    choice_.answered(1, node_apart(), at(0));
    EXPECT_FALSE(choice_.primary());
    choice_.answered(1, node_at(9), at(1));
    choice_.answered(0, node_at(5), at(1));
    choice_.failed(1, at(2));
    choice_.answered(1, node_at(9), at(3));
    EXPECT_EQ(choice_.primary(), 0U);
    EXPECT_EQ(choice_.writable(), 1U) << "one cluster counts once";
}

TEST_F(cluster, fails_over_from_a_node_without_the_majority) {
    choice_.answered(0, node_at(5), at(0));
    choice_.answered(1, node_at(5), at(0));
    choice_.refused_write(0, at(1));
    EXPECT_EQ(choice_.primary(), 1U);
    choice_.answered(0, node_apart(), at(2));
    choice_.failed(1, at(3));
    EXPECT_FALSE(choice_.primary());
}

TEST_F(cluster, reads_from_the_node_it_writes_to) {
    choice_.answered(0, node_at(5), at(0));
    choice_.answered(1, node_at(5), at(0));
    EXPECT_EQ(choice_.reader(thing, writes_, at(0)), 0U);
}

TEST(cluster_read_from_all_nodes, skips_a_node_that_is_behind_or_without_the_majority) {
    // Three nodes, two of them named as replicas too.
    server_choice choice{{.servers = 3, .replicas = 2}};
    const recent_writes writes;
    choice.answered(0, node_at(5), at(0));
    choice.answered(1, node_at(5), at(0));
    choice.answered(2, node_at(4), at(0));
    EXPECT_EQ(choice.reader(thing, writes, at(1)), 1U);
    EXPECT_EQ(choice.reader(thing, writes, at(1)), 1U);
    choice.answered(1, node_apart(), at(2));
    EXPECT_EQ(choice.reader(thing, writes, at(3)), 0U);
}

} // namespace
} // namespace msd::core
