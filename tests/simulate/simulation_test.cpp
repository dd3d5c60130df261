// SPDX-License-Identifier: Apache-2.0
// Bounds of the policies, in 80 s of simulated traffic for each scenario. scripts/simulate
// prints the figures of all balancers.
#include "simulate/scenarios.hpp"

#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace msd::simulate {
namespace {

simulation_figures
played(std::string_view name, std::string_view by, milliseconds length = milliseconds{80'000}) {
    for (const scenario& one : scenarios) {
        for (const contender& other : contenders) {
            if (one.name == name && other.name == by) {
                return simulate(settings_for(one, other, length, 1));
            }
        }
    }
    ADD_FAILURE() << name << " " << by;
    return {};
}

double tries_each(const simulation_figures& got) {
    return static_cast<double>(got.tries) / static_cast<double>(got.requests - got.rejected);
}

TEST(simulation, the_same_seed_gives_the_same_figures) {
    const auto one = played("broken", "p2c", milliseconds{10'000});
    const auto other = played("broken", "p2c", milliseconds{10'000});
    EXPECT_EQ(one.tries, other.tries);
    EXPECT_EQ(one.p99_ms, other.p99_ms);
    EXPECT_GT(one.requests, 9000U);
}

TEST(simulation, healthy_endpoints_are_left_alone) {
    const auto got = played("healthy", "p2c");
    EXPECT_EQ(got.failed, 0U);
    EXPECT_EQ(got.ejections, 0U);
    EXPECT_EQ(got.openings, 0U);
    EXPECT_EQ(got.tries, got.requests);
    EXPECT_LT(got.p99_ms, played("healthy", "random").p99_ms);
}

class one_fault : public testing::TestWithParam<const char*> {};

TEST_P(one_fault, reaches_no_client_and_triples_no_latency) {
    static const double healthy_ms = played("healthy", "p2c").settled_p99_ms;
    const auto got = played(GetParam(), "p2c");
    EXPECT_LE(got.settled_failed, 0.001);
    EXPECT_LE(got.settled_p99_ms, 3 * healthy_ms);
    EXPECT_LE(tries_each(got), 1.05);
    EXPECT_GE(got.healed_share, 0.8);
    EXPECT_EQ(got.openings, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    scenarios,
    one_fault,
    testing::Values("slow", "halved", "flapping", "dead", "silent", "broken", "failing"),
    [](const auto& tested) { return std::string{tested.param}; }
);

TEST(simulation, without_policies_faults_reach_clients) {
    EXPECT_GT(played("broken", "p2c, plain").settled_failed, 0.1);
    EXPECT_GT(played("dead", "round-robin, plain").settled_failed, 0.05);
}

TEST(simulation, an_overload_is_refused_and_not_multiplied) {
    const auto got = played("overload", "p2c");
    const auto plain = played("overload", "p2c, plain");
    // 100 endpoints with 50 ms each serve 2000 requests a second.
    EXPECT_GE(got.good_per_s, 0.9 * 2000);
    EXPECT_LE(tries_each(got), 1.2);
    EXPECT_LT(got.p99_ms, 2000);
    EXPECT_LT(plain.good_per_s, 0.9 * 2000);
}

} // namespace
} // namespace msd::simulate
