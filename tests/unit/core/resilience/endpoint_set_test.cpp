// SPDX-License-Identifier: Apache-2.0
#include "unit/core/resilience/balancing.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

namespace msd::core::resilience {
namespace {

std::set<std::uint32_t> active_of(const balanced& from) {
    std::set<std::uint32_t> found;
    for (const auto& endpoint : from.under_test.endpoints().active()) {
        found.insert(endpoint.index);
    }
    return found;
}

using indexes = std::set<std::uint32_t>;

TEST(endpoint_set, ejected_and_avoided_endpoints_get_nothing) {
    balanced from{balance_policy::p2c, 5};
    from.entries[1].is_ejected = true;
    from.entries[2].is_avoided = true;
    from.apply();
    EXPECT_EQ(active_of(from), (indexes{0, 3, 4}));
    from.entries[1].is_ejected = false;
    from.under_test.change(1, from.entries[1]);
    EXPECT_EQ(active_of(from), (indexes{0, 1, 3, 4}));
}

TEST(endpoint_set, below_half_healthy_all_that_listen_are_used) {
    balanced from{balance_policy::p2c, 4};
    from.entries[0].is_ejected = true;
    from.entries[1].is_refusing = true;
    from.apply();
    EXPECT_FALSE(from.under_test.endpoints().is_panic());
    EXPECT_EQ(active_of(from), (indexes{2, 3}));
    from.entries[2].is_ejected = true;
    from.apply();
    EXPECT_TRUE(from.under_test.endpoints().is_panic());
    EXPECT_EQ(active_of(from), (indexes{0, 2, 3}));
}

TEST(endpoint_set, the_best_of_bad_endpoints_is_used) {
    balanced from{balance_policy::p2c, 3};
    for (endpoint_entry& entry : from.entries) {
        entry.is_refusing = true;
    }
    from.apply();
    EXPECT_EQ(active_of(from).size(), 3U) << "all refuse";
    for (endpoint_entry& entry : from.entries) {
        entry.is_refusing = false;
        entry.is_avoided = true;
    }
    from.entries[2].weight = 0;
    from.entries[2].is_avoided = false;
    from.apply();
    EXPECT_EQ(active_of(from).size(), 3U) << "all are avoided or have no weight";
    from.entries[0].is_avoided = false;
    from.apply();
    EXPECT_EQ(active_of(from), (indexes{0}));
}

TEST(endpoint_set, the_own_zone_is_first_while_seven_tenths_of_it_are_healthy) {
    balanced from{balance_policy::p2c, 20, 7};
    for (std::uint32_t index = 0; index < 10; ++index) {
        from.entries[index].zone = 7;
        from.entries[index + 10].zone = 8;
    }
    for (std::uint32_t index = 0; index < 3; ++index) {
        from.entries[index].is_ejected = true;
    }
    from.apply();
    EXPECT_TRUE(from.under_test.endpoints().is_local());
    EXPECT_EQ(active_of(from), (indexes{3, 4, 5, 6, 7, 8, 9}));
    from.entries[3].is_avoided = true;
    from.apply();
    EXPECT_FALSE(from.under_test.endpoints().is_local());
    EXPECT_EQ(active_of(from).size(), 16U);
}

TEST(endpoint_set, a_retry_leaves_the_zone_when_the_zone_was_tried) {
    balanced from{balance_policy::p2c, 3, 7};
    from.entries[1].zone = 7;
    from.entries[2].is_ejected = true;
    from.apply();
    const std::array<std::uint32_t, 2> tried{1, 0};
    EXPECT_EQ(from.choose(), 1U);
    from.request.tried = std::span{tried}.first(1);
    EXPECT_EQ(from.choose(), 0U) << "a healthy one of another zone, not the ejected one";
    from.request.tried = tried;
    EXPECT_EQ(from.choose(), 2U);
}

TEST(endpoint_set, gives_each_ejected_endpoint_in_turn) {
    balanced from{balance_policy::p2c, 6};
    EXPECT_EQ(from.under_test.next_ejected(), std::nullopt);
    from.entries[1].is_ejected = true;
    from.entries[4].is_refusing = true;
    from.apply();
    indexes seen;
    for (int turn = 0; turn < 2; ++turn) {
        seen.insert(from.under_test.next_ejected().value());
    }
    EXPECT_EQ(seen, (indexes{1, 4}));
}

TEST(endpoint_set, finds_endpoints_by_their_tokens) {
    balanced from{balance_policy::sticky, 3};
    EXPECT_TRUE(from.under_test.is_listed(from.entries[2].token));
    EXPECT_FALSE(from.under_test.is_listed(5));
    from.entries[2].token = 5;
    from.under_test.change(2, from.entries[2]);
    EXPECT_EQ(from.under_test.endpoints().with_token(5), 2U);
    EXPECT_FALSE(from.under_test.is_listed(1000 + 7919 * 2));
}

// What holds for every policy.
class every_policy : public testing::TestWithParam<const char*> {
protected:
    balance_policy policy = balance_policy_of(GetParam()).value();
};

TEST_P(every_policy, chooses_nothing_from_nothing_and_the_only_one_from_one) {
    balanced none{policy, 0};
    EXPECT_EQ(none.choose(), std::nullopt);
    balanced one{policy, 1};
    EXPECT_EQ(one.choose(), 0U);
    const std::array<std::uint32_t, 1> tried{0};
    one.request.tried = tried;
    EXPECT_EQ(one.choose(), std::nullopt);
}

TEST_P(every_policy, chooses_no_endpoint_twice_for_a_request) {
    balanced from{policy, 4};
    for (int request = 0; request < 200; ++request) {
        from.request.hash = from.random();
        std::vector<std::uint32_t> tried;
        for (int turn = 0; turn < 4; ++turn) {
            from.request.tried = tried;
            tried.push_back(from.choose().value());
        }
        from.request.tried = tried;
        EXPECT_EQ(from.choose(), std::nullopt);
        EXPECT_EQ(std::set(tried.begin(), tried.end()).size(), 4U);
    }
}

TEST_P(every_policy, never_chooses_an_ejected_endpoint_while_most_are_healthy) {
    balanced from{policy, 10};
    from.entries[3].is_ejected = true;
    from.entries[4].is_refusing = true;
    from.apply();
    for (int request = 0; request < 2000; ++request) {
        from.request.hash = from.random();
        const std::uint32_t index = from.choose().value();
        EXPECT_TRUE(index != 3 && index != 4);
    }
}

TEST_P(every_policy, uses_all_endpoints_and_a_new_one_less) {
    balanced from{policy, 10};
    from.entries[6].started_at = balancing_start;
    from.apply();
    std::map<std::uint32_t, int> counted;
    for (int request = 0; request < 20'000; ++request) {
        from.request.hash = policy == balance_policy::sticky ? 0 : from.random();
        from.request.in_flight = 20;
        const std::uint32_t index = from.choose().value();
        ++counted[index];
        // A request is in flight for a moment, so that scores differ.
        from.loads[index].in_flight += 1;
        if (request >= 5) {
            const std::uint32_t old = static_cast<std::uint32_t>(request % 10);
            from.loads[old].in_flight = 0;
            from.under_test.ended(old);
        }
    }
    for (std::uint32_t index = 0; index < 10; ++index) {
        if (index == 6) {
            EXPECT_LT(counted[index], 900) << "an even share is 2000";
        } else {
            EXPECT_GT(counted[index], 1000) << index;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    policies,
    every_policy,
    testing::Values("p2c", "round-robin", "least-requests", "random", "hash", "sticky"),
    [](const auto& tested) {
        std::string name = tested.param;
        std::replace(name.begin(), name.end(), '-', '_');
        return name;
    }
);

TEST(balance_policy, names_are_those_of_the_configuration) {
    EXPECT_EQ(balance_policy_of("least-requests"), balance_policy::least_requests);
    EXPECT_EQ(balance_policy_of("round_robin"), std::nullopt);
}

} // namespace
} // namespace msd::core::resilience
