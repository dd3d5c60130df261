// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/sticky_cookie.hpp"
#include "unit/core/resilience/balancing.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace msd::core::resilience {
namespace {

using std::chrono::microseconds;

void serve(balanced& from, std::uint32_t index, milliseconds latency) {
    from.loads[index].observe(
        try_result::succeeded,
        std::chrono::duration_cast<microseconds>(latency),
        from.request.now
    );
}

TEST(power_of_two, prefers_the_endpoint_with_the_lower_score) {
    balanced from{balance_policy::p2c, 2};
    serve(from, 0, milliseconds{1});
    serve(from, 1, milliseconds{100});
    EXPECT_EQ(from.shares(1000)[1], 0);
    // √100 times as slow, so ten requests in flight are worth as much.
    from.loads[0].in_flight = 8;
    EXPECT_EQ(from.shares(1000)[1], 0);
    from.loads[0].in_flight = 10;
    EXPECT_EQ(from.shares(1000)[0], 0);
    from.entries[0].weight = 2;
    from.apply();
    EXPECT_EQ(from.shares(1000)[1], 0);
}

TEST(power_of_two, shows_the_score_that_it_compares) {
    balanced from{balance_policy::p2c, 2};
    serve(from, 0, milliseconds{1});
    from.loads[0].in_flight = 3;
    from.entries[0].weight = 2;
    from.apply();
    const auto& set = from.under_test.endpoints();
    EXPECT_NEAR(power_of_two::score(set, 0, 0, from.request.now), std::sqrt(1001.F) * 2, 0.1);
    EXPECT_NEAR(power_of_two::score(set, 1, 99, from.request.now), 10, 0.001);
}

TEST(power_of_two, an_endpoint_without_a_sample_counts_as_fast_as_its_rival) {
    balanced from{balance_policy::p2c, 2};
    serve(from, 0, milliseconds{50});
    from.loads[1].in_flight = 1;
    EXPECT_EQ(from.shares(1000)[1], 0);
}

TEST(power_of_two, an_endpoint_is_chosen_after_a_second_without_a_request) {
    balanced from{balance_policy::p2c, 3};
    from.shares(6, milliseconds{1});
    for (std::uint32_t index = 0; index < 3; ++index) {
        serve(from, index, milliseconds{index == 2 ? 500 : 1});
        from.loads[index].picked_tick = tick_of(from.request.now);
    }
    EXPECT_EQ(from.shares(900, milliseconds{1})[2], 0);
    EXPECT_NEAR(from.shares(10'000, milliseconds{1})[2], 10, 2);
}

TEST(power_of_two, few_requests_do_not_all_go_to_endpoints_that_wait) {
    balanced from{balance_policy::p2c, 100};
    for (std::uint32_t index = 0; index < 100; ++index) {
        serve(from, index, milliseconds{index < 50 ? 1 : 500});
    }
    int slow = 0;
    for (const auto& [index, count] : from.shares(20'000, milliseconds{50})) {
        slow += index >= 50 ? count : 0;
    }
    // Two slow ones are drawn for a quarter of the requests.
    EXPECT_GT(slow, 4500);
    EXPECT_LT(slow, 6000);
}

TEST(round_robin, gives_each_endpoint_its_weight_and_spreads_its_turns) {
    balanced from{balance_policy::round_robin, 3};
    from.entries[0].weight = 500;
    from.entries[1].weight = 100;
    from.entries[2].weight = 100;
    from.apply();
    int in_a_row = 0;
    std::map<std::uint32_t, int> counted;
    for (int turn = 0; turn < 700; ++turn) {
        const std::uint32_t index = from.choose().value();
        ++counted[index];
        in_a_row = index == 0 ? in_a_row + 1 : 0;
        EXPECT_LE(in_a_row, 4);
    }
    EXPECT_EQ(counted[0], 500);
    EXPECT_EQ(counted[1], 100);
    EXPECT_EQ(counted[2], 100);
}

TEST(round_robin, equal_endpoints_take_turns) {
    balanced from{balance_policy::round_robin, 7};
    for (int cycle = 0; cycle < 3; ++cycle) {
        EXPECT_EQ(from.shares(7).size(), 7U);
    }
}

TEST(round_robin, a_cycle_is_bounded_and_keeps_the_smallest_endpoint) {
    balanced from{balance_policy::round_robin, 3};
    from.entries[0].weight = 1'000'003;
    from.entries[1].weight = 500'009;
    from.entries[2].weight = 1;
    from.apply();
    const auto counted = from.shares(48 * 100);
    EXPECT_NEAR(counted.at(0), 3200, 130);
    EXPECT_NEAR(counted.at(1), 1600, 130);
    EXPECT_NEAR(counted.at(2), 100, 10);
}

TEST(round_robin, two_workers_start_at_different_turns) {
    std::set<std::uint32_t> first;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        first.insert(balanced{balance_policy::round_robin, 50, 0, seed}.choose().value());
    }
    EXPECT_GT(first.size(), 10U);
}

TEST(least_requests, chooses_the_endpoint_with_the_fewest_requests) {
    balanced from{balance_policy::least_requests, 50};
    for (std::uint32_t index = 0; index < 50; ++index) {
        from.loads[index].in_flight = 40;
    }
    from.loads[17].in_flight = 3;
    from.loads[18].in_flight = 5;
    from.apply();
    for (int expected : {17, 17, 17, 17}) {
        const std::uint32_t index = from.choose().value();
        if (from.loads[17].in_flight < 5) {
            EXPECT_EQ(static_cast<int>(index), expected);
        }
        from.loads[index].in_flight += 1;
    }
}

TEST(least_requests, keeps_equal_endpoints_level) {
    balanced from{balance_policy::least_requests, 10};
    for (int request = 0; request < 1000; ++request) {
        from.loads[from.choose().value()].in_flight += 1;
    }
    for (std::uint32_t index = 0; index < 10; ++index) {
        EXPECT_EQ(from.loads[index].in_flight.load(), 100);
    }
    for (int ended = 0; ended < 5; ++ended) {
        from.loads[4].in_flight -= 1;
        from.under_test.ended(4);
    }
    for (int request = 0; request < 5; ++request) {
        EXPECT_EQ(from.choose(), 4U);
        from.loads[4].in_flight += 1;
    }
}

TEST(least_requests, divides_by_weight) {
    balanced from{balance_policy::least_requests, 2};
    from.entries[0].weight = 3;
    from.apply();
    for (int request = 0; request < 400; ++request) {
        from.loads[from.choose().value()].in_flight += 1;
    }
    EXPECT_NEAR(from.loads[0].in_flight.load(), 300, 3);
}

TEST(least_requests, notices_requests_of_other_workers) {
    balanced from{balance_policy::least_requests, 4};
    from.loads[0].in_flight = 50;
    from.loads[1].in_flight = 50;
    for (int request = 0; request < 20; ++request) {
        const std::uint32_t index = from.choose().value();
        EXPECT_GE(index, 2U);
        from.loads[index].in_flight += 1;
    }
    from.loads[0].in_flight = 0;
    int chosen = 0;
    for (int request = 0; request < 8; ++request) {
        const std::uint32_t index = from.choose().value();
        chosen += index == 0 ? 1 : 0;
        from.loads[index].in_flight += 1;
    }
    EXPECT_GE(chosen, 4);
}

TEST(weighted_random, gives_each_endpoint_its_weight) {
    balanced from{balance_policy::random, 4};
    from.entries[0].weight = 1;
    from.entries[1].weight = 2;
    from.entries[2].weight = 3;
    from.entries[3].weight = 14;
    from.apply();
    const auto counted = from.shares(100'000);
    EXPECT_NEAR(counted.at(0), 5000, 300);
    EXPECT_NEAR(counted.at(1), 10'000, 500);
    EXPECT_NEAR(counted.at(2), 15'000, 500);
    EXPECT_NEAR(counted.at(3), 70'000, 800);
}

TEST(consistent_hash, a_key_keeps_its_endpoint_in_all_workers) {
    balanced one{balance_policy::hash, 20, 0, 1};
    balanced other{balance_policy::hash, 20, 0, 2};
    std::reverse(other.entries.begin(), other.entries.end());
    other.apply();
    for (std::uint64_t key = 0; key < 500; ++key) {
        one.request.hash = other.request.hash = key * 0x9E3779B97F4A7C15;
        const std::uint32_t index = one.choose().value();
        EXPECT_EQ(one.choose(), index);
        EXPECT_EQ(one.entries[index].token, other.entries[other.choose().value()].token);
    }
}

TEST(consistent_hash, few_keys_move_when_an_endpoint_leaves_and_none_when_it_is_ejected) {
    balanced from{balance_policy::hash, 20};
    std::vector<std::uint64_t> owners;
    const auto owner_of = [&from](std::uint64_t key) {
        from.request.hash = key;
        return from.entries[from.choose().value()].token;
    };
    for (std::uint64_t key = 0; key < 2000; ++key) {
        owners.push_back(owner_of(key));
    }
    const std::uint64_t left = from.entries[5].token;
    from.entries[5].is_ejected = true;
    from.apply();
    for (std::uint64_t key = 0; key < 2000; ++key) {
        EXPECT_TRUE(owners[key] == left || owners[key] == owner_of(key));
    }
    from.entries.erase(from.entries.begin() + 5);
    from.apply();
    int moved = 0;
    for (std::uint64_t key = 0; key < 2000; ++key) {
        moved += owners[key] != left && owners[key] != owner_of(key) ? 1 : 0;
    }
    EXPECT_LT(moved, 100);
}

TEST(consistent_hash, shares_follow_the_weights) {
    balanced from{balance_policy::hash, 3};
    from.entries[2].weight = 2;
    from.apply();
    std::map<std::uint32_t, int> counted;
    for (std::uint64_t key = 0; key < 20'000; ++key) {
        from.request.hash = key;
        ++counted[from.choose().value()];
    }
    EXPECT_NEAR(counted[2], 10'000, 300);
    EXPECT_NEAR(counted[0], 5000, 300);
}

TEST(consistent_hash, an_endpoint_takes_at_most_a_quarter_more_than_its_share) {
    balanced from{balance_policy::hash, 10};
    from.request.hash = 42;
    for (std::uint32_t request = 0; request < 400; ++request) {
        from.request.in_flight = request;
        from.loads[from.choose().value()].in_flight += 1;
    }
    int busiest = 0;
    for (std::uint32_t index = 0; index < 10; ++index) {
        busiest = std::max(busiest, requests_in(from.loads[index].in_flight));
        EXPECT_LE(requests_in(from.loads[index].in_flight), 51);
    }
    EXPECT_GE(busiest, 48) << "one key fills its endpoint first";
}

TEST(sticky, a_client_keeps_its_endpoint_until_that_leaves) {
    balanced from{balance_policy::sticky, 5};
    const std::uint64_t token = from.entries[3].token;
    from.request.hash = token;
    from.loads[3].in_flight = 100;
    EXPECT_EQ(from.shares(200)[3], 200);
    from.entries[3].is_ejected = true;
    from.apply();
    EXPECT_EQ(from.shares(200)[3], 0);
    EXPECT_TRUE(from.under_test.is_listed(token)) << "the cookie stays";
    from.entries[3].is_ejected = false;
    from.entries[3].is_avoided = true;
    from.apply();
    EXPECT_EQ(from.shares(200)[3], 200) << "it drains, which is not its end";
    from.entries.erase(from.entries.begin() + 3);
    from.apply();
    EXPECT_FALSE(from.under_test.is_listed(token));
    EXPECT_GT(from.shares(200).size(), 2U);
}

TEST(sticky_cookie, is_valid_for_its_secret_and_service_only) {
    const std::string value = sticky_cookie("secret", "api", 0x1234567890ABCDEF);
    EXPECT_EQ(value.size(), 48U);
    EXPECT_TRUE(value.starts_with("1234567890abcdef"));
    EXPECT_EQ(sticky_token("secret", "api", value), 0x1234567890ABCDEF);
    EXPECT_EQ(sticky_token("other", "api", value), std::nullopt);
    EXPECT_EQ(sticky_token("secret", "shop", value), std::nullopt);
    EXPECT_EQ(sticky_token("secret", "api", ""), std::nullopt);
    EXPECT_EQ(sticky_token("secret", "api", value + "0"), std::nullopt);
    for (std::size_t at = 0; at < value.size(); ++at) {
        std::string forged = value;
        forged[at] = forged[at] == '0' ? '1' : '0';
        EXPECT_EQ(sticky_token("secret", "api", forged), std::nullopt) << at;
    }
}

TEST(balancer, a_detached_copy_chooses_alike_and_changes_nothing) {
    using enum balance_policy;
    for (const balance_policy policy : {p2c, round_robin, least_requests, random, hash, sticky}) {
        std::vector<endpoint_load> loads(5);
        std::vector<endpoint_entry> entries;
        for (std::uint32_t index = 0; index < loads.size(); ++index) {
            endpoint_entry& made = entries.emplace_back();
            made.load = &loads[index];
            made.token = index + 1;
            loads[index].in_flight.store(static_cast<std::int32_t>(index % 3));
        }
        balancer live{policy, 0};
        live.assign(entries);
        random_generator random_numbers{7};
        choice_request wanted;
        wanted.now = time_point{std::chrono::hours{1}};
        wanted.hash = policy == hash ? 99 : 0;
        for (int round = 0; round < 50; ++round) {
            std::vector<endpoint_load> copies(loads.size());
            balancer copy = live;
            copy.detach(copies);
            random_generator same_numbers = random_numbers;
            std::vector<std::uint32_t> before;
            for (const endpoint_load& each : loads) {
                before.push_back(each.picked_tick.load());
            }
            const auto expected = copy.choose(wanted, same_numbers);
            for (std::size_t index = 0; index < loads.size(); ++index) {
                EXPECT_EQ(loads[index].picked_tick.load(), before[index]);
            }
            const auto chosen = live.choose(wanted, random_numbers);
            EXPECT_EQ(chosen, expected) << name_of(policy) << " round " << round;
            loads[*chosen].in_flight.fetch_add(1);
        }
    }
}

} // namespace
} // namespace msd::core::resilience
