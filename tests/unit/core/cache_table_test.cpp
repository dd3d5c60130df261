// SPDX-License-Identifier: Apache-2.0
#include "core/cache_table.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

using state = cache_table::state;

constexpr time_point start{std::chrono::hours{1}};

constexpr time_point at(std::int64_t ms) {
    return start + milliseconds{ms};
}

// Requested and put at `now_ms`, for three seconds.
bool put(cache_table& table, std::string key, std::string value, std::int64_t now_ms) {
    const auto now = at(now_ms);
    return table.put(std::move(key), std::move(value), now, now + milliseconds{3000}, now);
}

std::string text(cache_table& table, std::string_view key, std::int64_t now_ms) {
    const auto [what, value] = table.find(key, at(now_ms));
    return what == state::value ? std::string{value} : what == state::absent ? "absent" : "miss";
}

TEST(cache_table, returns_a_value_until_it_expires) {
    cache_table table{{}};
    EXPECT_EQ(text(table, "a", 0), "miss");
    EXPECT_TRUE(put(table, "a", "1", 0));
    EXPECT_EQ(text(table, "a", 2999), "1");
    EXPECT_EQ(text(table, "a", 3000), "miss");
    EXPECT_EQ(table.size(), 0U) << "found too old, it goes";
}

TEST(cache_table, caches_that_a_key_has_no_value) {
    cache_table table{{}};
    EXPECT_TRUE(table.put("a", std::nullopt, at(0), at(10), at(0)));
    EXPECT_EQ(text(table, "a", 9), "absent");
    EXPECT_EQ(text(table, "a", 10), "miss");
}

TEST(cache_table, caches_any_bytes_and_the_empty_value) {
    cache_table table{{}};
    const std::string bytes{"\0\xff\xc2\xb6\n", 5};
    EXPECT_TRUE(put(table, bytes, bytes, 0));
    EXPECT_TRUE(put(table, "empty", "", 0));
    EXPECT_EQ(text(table, bytes, 1), bytes);
    EXPECT_EQ(text(table, "empty", 1), "");
}

TEST(cache_table, replaces_a_value_only_by_one_requested_later) {
    cache_table table{{}};
    EXPECT_TRUE(table.put("a", "new", at(10), at(3000), at(20)));
    EXPECT_FALSE(table.put("a", "old", at(5), at(3000), at(30)));
    EXPECT_EQ(text(table, "a", 40), "new");
    EXPECT_TRUE(table.put("a", "newest", at(11), at(3000), at(40)));
    EXPECT_EQ(text(table, "a", 50), "newest");
    EXPECT_EQ(table.size(), 1U);
}

TEST(cache_table, rejects_a_response_that_was_in_flight_during_a_removal) {
    cache_table table{{}};
    put(table, "a", "1", 0);
    table.remove("a", at(100));
    EXPECT_EQ(text(table, "a", 100), "miss");
    EXPECT_FALSE(table.put("a", "1", at(99), at(3000), at(101)));
    EXPECT_FALSE(table.put("a", "1", at(100), at(3000), at(101))) << "asked in the same moment";
    EXPECT_FALSE(table.put("a", std::nullopt, at(99), at(3000), at(101)));
    EXPECT_EQ(text(table, "a", 102), "miss");
    EXPECT_TRUE(table.put("a", "2", at(101), at(3000), at(103))) << "asked afterwards";
    EXPECT_EQ(text(table, "a", 104), "2");
}

TEST(cache_table, keeps_a_removal_as_long_as_a_response_may_be_in_flight) {
    cache_table table{{.fill_within = milliseconds{1000}}};
    table.remove("a", at(100));
    EXPECT_FALSE(table.put("a", "1", at(100), at(5000), at(1100))) << "at the limit";
    EXPECT_FALSE(table.put("a", "1", at(100), at(5000), at(1101))) << "too long under way";
    EXPECT_EQ(text(table, "a", 1200), "miss");
    EXPECT_EQ(table.size(), 0U) << "the removal goes when no answer can need it";
}

TEST(cache_table, rejects_a_response_that_was_in_flight_too_long) {
    cache_table table{{.fill_within = milliseconds{1000}}};
    EXPECT_TRUE(table.put("a", "1", at(0), at(9000), at(1000)));
    EXPECT_FALSE(table.put("b", "1", at(0), at(9000), at(1001)));
}

TEST(cache_table, rejects_a_value_that_has_expired) {
    cache_table table{{}};
    EXPECT_FALSE(table.put("a", "1", at(0), at(5), at(5)));
    EXPECT_EQ(table.size(), 0U);
}

TEST(cache_table, evicts_the_least_recently_used_entry) {
    cache_table table{{.entries_max = 3}};
    put(table, "a", "1", 0);
    put(table, "b", "2", 1);
    put(table, "c", "3", 2);
    EXPECT_EQ(text(table, "a", 3), "1");
    put(table, "d", "4", 4);
    EXPECT_EQ(text(table, "b", 5), "miss");
    EXPECT_EQ(text(table, "a", 5), "1");
    EXPECT_EQ(text(table, "c", 5), "3");
    EXPECT_EQ(text(table, "d", 5), "4");
    EXPECT_EQ(table.evictions(), 1U);
}

TEST(cache_table, stays_within_its_limit_of_bytes) {
    constexpr std::size_t each = cache_table::entry_overhead + 1 + 100;
    cache_table table{{.bytes_max = 3 * each}};
    const std::string value(100, 'x');
    for (const char* key : {"a", "b", "c"}) {
        EXPECT_TRUE(put(table, key, value, 0));
    }
    EXPECT_EQ(table.bytes(), 3 * each);
    put(table, "d", value, 1);
    EXPECT_EQ(table.size(), 3U);
    EXPECT_EQ(table.bytes(), 3 * each);
    put(table, "d", "", 2);
    EXPECT_EQ(table.bytes(), 3 * each - 100);
    EXPECT_FALSE(put(table, "e", std::string(3 * each, 'x'), 3)) << "it alone is too large";
    EXPECT_EQ(table.size(), 3U) << "and costs the others nothing";
}

TEST(cache_table, remembers_evicted_removals) {
    cache_table table{{.entries_max = 2}};
    table.remove("a", at(100));
    put(table, "b", "2", 101);
    put(table, "c", "3", 102);
    EXPECT_EQ(table.size(), 2U);
    EXPECT_FALSE(table.put("a", "1", at(99), at(3000), at(103))) << "asked before the removal";
    EXPECT_TRUE(put(table, "a", "2", 104));
    EXPECT_EQ(table.evictions(), 1U) << "a removal is no value lost";
}

TEST(cache_table, removes_expired_entries_that_are_not_requested_any_more) {
    cache_table table{{}};
    for (int i = 0; i < 100; ++i) {
        put(table, "old" + std::to_string(i), "1", 0);
    }
    for (int i = 0; i < 100; ++i) {
        put(table, "new" + std::to_string(i), "1", 5000);
    }
    EXPECT_EQ(table.size(), 100U);
    EXPECT_EQ(table.evictions(), 0U);
}

TEST(cache_table, caches_nothing_with_a_limit_of_zero) {
    cache_table table{{.entries_max = 0}};
    EXPECT_FALSE(put(table, "a", "1", 0));
    table.remove("b", at(1));
    EXPECT_EQ(text(table, "a", 1), "miss");
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(table.bytes(), 0U);
}

TEST(cache_table, takes_a_response_until_the_end_of_the_time_for_it) {
    cache_table table{{}};
    const milliseconds within = cache_limits{}.fill_within;
    EXPECT_TRUE(table.put("a", "1", at(0), at(0) + within + milliseconds{1}, at(0) + within));
    EXPECT_FALSE(table.put(
        "b",
        "1",
        at(0),
        at(0) + within + milliseconds{2},
        at(0) + within + milliseconds{1}
    ));
}

TEST(cache_table, removes_two_expired_entries_with_each_insertion) {
    cache_table table{{}};
    for (const char* key : {"a", "b", "c", "d"}) {
        EXPECT_TRUE(put(table, key, "1", 0));
    }
    EXPECT_TRUE(put(table, "e", "1", 3000));
    EXPECT_EQ(table.size(), 3U);
}

} // namespace
} // namespace msd::core
