// SPDX-License-Identifier: Apache-2.0
#include "core/host_table.hpp"
#include "core/scoreboard.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <set>

namespace msd::core {
namespace {

struct counted {
    std::atomic<std::uint32_t> value;
    void clear() { value.store(0, std::memory_order_relaxed); }
};

using small_table = host_table<counted, 4>;

constexpr time_point table_start{std::chrono::seconds{10'000}};

TEST(host_table, gives_one_place_to_a_key_and_different_ones_to_different_keys) {
    const auto table = std::make_unique<small_table>();
    std::set<std::uint32_t> places;
    for (const std::uint64_t key : {11U, 12U, 13U, 14U}) {
        const auto place = table->find_or_take(key, table_start);
        ASSERT_TRUE(place);
        places.insert(*place);
        EXPECT_EQ(table->find_or_take(key, table_start), place);
        EXPECT_EQ(table->find(key), place);
    }
    EXPECT_EQ(places.size(), 4U);
    EXPECT_FALSE(table->find_or_take(15, table_start)) << "every place is in use";
    EXPECT_FALSE(table->find(15));
}

TEST(host_table, gives_a_place_that_nobody_keeps_to_another_key_and_clears_it) {
    const auto table = std::make_unique<small_table>();
    for (const std::uint64_t key : {11U, 12U, 13U, 14U}) {
        table->cells[*table->find_or_take(key, table_start)].value = 7;
    }
    const time_point later = table_start + small_table::unused_after;
    EXPECT_EQ(table->keep(1, 12, later), 1U);
    EXPECT_FALSE(table->find_or_take(15, later)) << "not yet unused for longer";
    const time_point too_late = later + std::chrono::seconds{1};
    EXPECT_EQ(table->find_or_take(15, too_late), 0U);
    EXPECT_EQ(table->cells[0].value, 0U);
    EXPECT_EQ(table->cells[1].value, 7U);
    EXPECT_EQ(table->find_or_take(16, too_late), 2U) << "the kept one stays";
    EXPECT_EQ(table->find(12), 1U);
}

TEST(host_table, gives_a_key_whose_place_was_given_away_another_one) {
    const auto table = std::make_unique<small_table>();
    ASSERT_EQ(table->find_or_take(11, table_start), 0U);
    const time_point late = table_start + std::chrono::seconds{100};
    ASSERT_EQ(table->find_or_take(12, late), 0U);
    EXPECT_EQ(table->keep(0, 11, late), 1U);
    EXPECT_EQ(table->keep(1, 11, late), 1U);
}

TEST(host_table, finds_the_first_of_two_places_that_were_taken_at_once) {
    const auto table = std::make_unique<small_table>();
    table->keys[1] = 11;
    table->keys[3] = 11;
    table->end = 4;
    EXPECT_EQ(table->find_or_take(11, table_start), 1U);
}

TEST(host_table, works_with_whatever_another_process_has_written) {
    const auto table = std::make_unique<small_table>();
    table->end = 0xFFFFFFFF;
    table->kept_s[0] = 0xFFFFFFFF;
    EXPECT_FALSE(table->find(11));
    EXPECT_TRUE(table->find_or_take(11, table_start));
    EXPECT_TRUE(table->find(11));
}

TEST(scoreboard, subtracts_what_a_dead_worker_left_in_flight) {
    const scoreboard board = *scoreboard::create();
    resilience::host_state& host = board.shared();
    const std::uint32_t endpoint = *host.endpoints.find_or_take(1, table_start);
    const std::uint32_t service = *host.services.find_or_take(2, table_start);
    auto& total = host.endpoints.cells[endpoint].load.in_flight;
    auto& running = host.services.cells[service].requests.running;
    auto& dead = board.parts(3);
    auto& living = board.parts(scoreboard::lines_max - 1);
    for (int request = 0; request < 3; ++request) {
        resilience::begin_request(total, dead.endpoints[endpoint]);
        resilience::begin_request(running, dead.services[service].running);
    }
    resilience::begin_request(total, living.endpoints[endpoint]);
    host.reclaim(dead);
    EXPECT_EQ(resilience::requests_in(total), 1);
    EXPECT_EQ(resilience::requests_in(running), 0);
    host.reclaim(dead);
    EXPECT_EQ(resilience::requests_in(total), 1) << "only once";
}

TEST(scoreboard, has_another_hashing_key_each_time) {
    const scoreboard one = *scoreboard::create();
    const scoreboard other = *scoreboard::create();
    EXPECT_NE(one.shared().hashing_key(), other.shared().hashing_key());
    one.metrics(scoreboard::lines_max - 1).back() = std::byte{1}; // else SIGBUS
}

} // namespace
} // namespace msd::core
