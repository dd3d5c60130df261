// SPDX-License-Identifier: Apache-2.0
#include "admin/readiness.hpp"

#include <gtest/gtest.h>

namespace msd::admin {
namespace {

std::vector<core::metric_series>
pools(const std::vector<std::tuple<std::string, std::uint64_t, std::uint64_t>>& given) {
    std::vector<core::metric_series> all;
    for (const auto& [role, slots, ready] : given) {
        all.push_back({&core::family_of(core::metric::pool_slots), {role}, {slots}});
        all.push_back({&core::family_of(core::metric::pool_slots_ready), {role}, {ready}});
    }
    return all;
}

TEST(readiness, needs_a_worker_of_every_pool) {
    const readiness made = readiness_of(pools({{"gateway", 2, 2}, {"goods", 1, 0}}));
    EXPECT_FALSE(made.is_ready);
    EXPECT_EQ(
        made.body,
        R"({"status":"not ready","waiting_for":["goods"],"pools":[)"
        R"({"role":"gateway","slots":2,"ready":2},{"role":"goods","slots":1,"ready":0}]})"
    );
}

TEST(readiness, is_degraded_while_one_of_several_workers_is_replaced) {
    const readiness made = readiness_of(pools({{"gateway", 2, 1}}));
    EXPECT_TRUE(made.is_ready);
    EXPECT_TRUE(made.body.starts_with(R"({"status":"degraded","waiting_for":[],)")) << made.body;
}

TEST(readiness, is_not_given_before_the_master_has_said_anything) {
    EXPECT_FALSE(readiness_of({}).is_ready);
}

TEST(readiness, ignores_a_pool_that_is_gone) {
    EXPECT_TRUE(readiness_of(pools({{"gateway", 1, 1}, {"other", 0, 0}})).is_ready);
}

} // namespace
} // namespace msd::admin
