// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/keyed_hash.hpp"
#include "core/resilience/rate_limiter.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>
#include <string>
#include <vector>

namespace msd::core::resilience {
namespace {

constexpr time_point limit_start{milliseconds{1'000'000}};

using cells = std::vector<std::atomic<std::uint64_t>>;

TEST(rate, reads_what_a_configuration_contains) {
    const auto hundred = read_rate("100/s");
    ASSERT_TRUE(hundred);
    EXPECT_EQ(hundred->requests, 100U);
    EXPECT_EQ(hundred->interval(), std::chrono::milliseconds{10});
    EXPECT_EQ(read_rate("30/m")->interval(), std::chrono::seconds{2});
    EXPECT_EQ(read_rate("1/h")->interval(), std::chrono::hours{1});
    EXPECT_EQ(read_rate("1/d")->per, std::chrono::hours{24});
    for (const char* const text : {"100/s", "30/m", "1/h", "1000000/d"}) {
        EXPECT_EQ(rate_text(*read_rate(text)), text);
    }
    EXPECT_EQ(read_rate("1000000/s")->interval(), std::chrono::microseconds{1});
    for (const char* const wrong :
         {"",
          "100",
          "/s",
          "0/s",
          "-1/s",
          "+1/s",
          "1000001/s",
          "1.5/s",
          "100/x",
          "100/ss",
          "100 /s",
          "100/s ",
          " 100/s",
          "99999999999999999999/s"}) {
        EXPECT_FALSE(read_rate(wrong)) << wrong;
    }
}

TEST(rate_limiter, a_client_that_never_waits_gets_exactly_the_rate) {
    std::atomic<std::uint64_t> cell{0};
    const limit_settings settings;
    int allowed = 0;
    // 3000 requests a second for 30 s, after a first one.
    for (int request = 0; request < 93'000; ++request) {
        const time_point now = limit_start + std::chrono::microseconds{333 * request};
        allowed += take_request(cell, settings, now).is_allowed && request >= 3000 ? 1 : 0;
    }
    EXPECT_NEAR(allowed, 90'000 * 333e-6 * 100, 2);
}

TEST(rate_limiter, a_silent_client_has_its_burst_and_the_figures_for_its_reply) {
    std::atomic<std::uint64_t> cell{0};
    const limit_settings settings{{10, std::chrono::seconds{1}}, 4};
    for (std::uint64_t left = 4; left < 5; --left) {
        const limit_decision made = take_request(cell, settings, limit_start);
        EXPECT_TRUE(made.is_allowed);
        EXPECT_EQ(made.remaining, left);
        EXPECT_EQ(made.reset_after, milliseconds{100} * (5 - static_cast<int>(left)));
        EXPECT_EQ(made.quota, 10U);
        EXPECT_EQ(made.window, std::chrono::seconds{1});
    }
    const limit_decision made = take_request(cell, settings, limit_start + milliseconds{30});
    EXPECT_FALSE(made.is_allowed);
    EXPECT_EQ(made.remaining, 0U);
    EXPECT_EQ(made.retry_after, milliseconds{70});
    EXPECT_EQ(made.reset_after, milliseconds{470});
    EXPECT_FALSE(take_request(cell, settings, limit_start + milliseconds{99}).is_allowed);
    EXPECT_TRUE(take_request(cell, settings, limit_start + milliseconds{100}).is_allowed);
}

TEST(rate_limiter, a_time_that_no_worker_wrote_counts_as_unused) {
    std::atomic<std::uint64_t> cell{~0ULL};
    EXPECT_TRUE(take_request(cell, {}, limit_start).is_allowed);
    EXPECT_LT(cell.load(), ~0ULL);
    cell = 7;
    EXPECT_TRUE(take_request(cell, {}, limit_start).is_allowed);
}

TEST(limiter_table, each_key_has_its_own_limit) {
    cells memory(limiter_table::cells_for(64));
    const limiter_table table{memory};
    const limit_settings settings{{1, std::chrono::seconds{1}}, 0};
    for (std::uint64_t key = 0; key < 20; ++key) {
        const std::uint64_t hash = keyed_hash({1, 2}, std::to_string(key));
        EXPECT_TRUE(table.take(hash, settings, limit_start).is_allowed) << key;
        EXPECT_FALSE(table.take(hash, settings, limit_start + milliseconds{500}).is_allowed);
        EXPECT_TRUE(table.take(hash, settings, limit_start + milliseconds{1000}).is_allowed);
    }
}

TEST(limiter_table, a_key_that_owes_nothing_gives_its_place_to_another_one) {
    cells memory(limiter_table::cells_for(8));
    const limiter_table table{memory};
    const limit_settings settings{{10, std::chrono::seconds{1}}, 0};
    time_point now = limit_start;
    for (std::uint64_t key = 1; key <= 1000; ++key) {
        EXPECT_TRUE(table.take(key, settings, now).is_allowed) << key;
        now += milliseconds{15};
    }
}

TEST(limiter_table, a_flood_of_keys_gets_no_more_than_rate_times_places) {
    cells memory(limiter_table::cells_for(16));
    const limiter_table table{memory};
    const limit_settings settings{{10, std::chrono::seconds{1}}, 0};
    int allowed = 0;
    std::uint64_t key = 0;
    for (int request = 0; request < 50'000; ++request) {
        const time_point now = limit_start + std::chrono::microseconds{200 * request};
        key += 0x9E3779B97F4A7C15;
        allowed += table.take(key, settings, now).is_allowed ? 1 : 0;
    }
    EXPECT_LE(allowed, 16 * (10 * 10 + 1));
    EXPECT_GT(allowed, 16 * 95);
}

TEST(limiter_table, a_key_keeps_its_place_beside_those_of_a_much_faster_limit) {
    cells memory(limiter_table::cells_for(8));
    const limiter_table table{memory};
    const limit_settings slow{{20, std::chrono::hours{1}}, 0};
    const limit_settings fast{{100, std::chrono::seconds{1}}, 0};
    EXPECT_TRUE(table.take(1, slow, limit_start).is_allowed);
    for (std::uint64_t key = 2; key <= 1000; ++key) {
        EXPECT_TRUE(table.take(key, fast, limit_start + milliseconds{10 * key}).is_allowed) << key;
    }
    EXPECT_FALSE(table.take(1, slow, limit_start + std::chrono::seconds{11}).is_allowed);
}

TEST(limiter_table, a_worker_that_dies_between_two_writes_leaves_a_usable_place) {
    cells memory(limiter_table::cells_for(8));
    const limiter_table table{memory};
    const limit_settings settings{{10, std::chrono::seconds{1}}, 0};
    EXPECT_TRUE(table.take(5, settings, limit_start).is_allowed);
    // The key of another client was written, its time was not.
    memory[0] = 6;
    const time_point later = limit_start + milliseconds{200};
    EXPECT_TRUE(table.take(6, settings, later).is_allowed);
    EXPECT_FALSE(table.take(6, settings, later).is_allowed);
    EXPECT_TRUE(table.take(5, settings, later).is_allowed);
}

TEST(keyed_hash, is_siphash) {
    const hash_key key{0x0706050403020100, 0x0F0E0D0C0B0A0908};
    std::string text(15, '\0');
    std::iota(text.begin(), text.end(), '\0');
    EXPECT_EQ(keyed_hash(key, text), 0xA129CA6149BE45E5);
    EXPECT_EQ(keyed_hash(key, ""), 0x726FDB47DD0E0E31);
    EXPECT_EQ(keyed_hash(key, text.substr(0, 8)), 0x93F5F5799A932462);
}

TEST(rate_limiter, looking_takes_nothing) {
    cells memory(limiter_table::cells_for(64));
    const limiter_table table{memory};
    limit_settings settings;
    settings.allowed = {1, std::chrono::hours{1}};
    settings.burst = 2;
    const std::uint64_t key = keyed_hash({1, 2}, "a client");
    EXPECT_EQ(table.look(key, settings, limit_start).remaining, 3U);
    EXPECT_TRUE(std::ranges::all_of(memory, [](const auto& each) { return each.load() == 0; }))
        << "an unknown key gets no place";
    for (std::uint64_t left = 3; left > 0; --left) {
        const auto seen = table.look(key, settings, limit_start);
        EXPECT_TRUE(seen.is_allowed);
        EXPECT_EQ(seen.remaining, left);
        EXPECT_EQ(table.look(key, settings, limit_start).remaining, left);
        EXPECT_TRUE(table.take(key, settings, limit_start).is_allowed);
    }
    const auto over = table.look(key, settings, limit_start);
    EXPECT_FALSE(over.is_allowed);
    EXPECT_EQ(over.remaining, 0U);
    EXPECT_EQ(over.retry_after, table.take(key, settings, limit_start).retry_after);
    EXPECT_EQ(table.look(keyed_hash({1, 2}, "another"), settings, limit_start).remaining, 3U);
}

} // namespace
} // namespace msd::core::resilience
