// SPDX-License-Identifier: Apache-2.0
#include "upstream/endpoint_group.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace msd::upstream {
namespace {

using core::resilience::check_result;
using core::resilience::health;
using core::resilience::try_result;

// The groups of several workers of a host: they have the same cells.
class endpoint_groups : public ::testing::Test {
protected:
    void start(std::size_t endpoints, std::size_t workers = 1) {
        for (std::size_t index = 0; index < endpoints; ++index) {
            const std::string address = "127.0.0.1:" + std::to_string(8000 + index);
            all.push_back({cells.endpoint("app", address, now), address});
        }
        for (std::size_t made = 0; made < workers; ++made) {
            groups.emplace_back("app", settings, service, cells.meters(), own_zone);
        }
        assign();
    }
    void assign() {
        for (endpoint_group& each : groups) {
            each.assign(all, settings, now);
        }
    }

    std::optional<endpoint_group::choice> choose(std::size_t worker = 0) {
        return groups[worker].choose({now, 0, {}, false});
    }
    endpoint_try begin(std::size_t worker = 0) {
        const auto chosen = choose(worker);
        EXPECT_TRUE(chosen.has_value());
        return groups[worker].begin(*chosen, now);
    }
    void prove(std::uint32_t index) {
        auto one = groups[0].begin({index, false, false}, now);
        groups[0].end(one, try_result::succeeded, now);
    }
    void check(std::size_t index, health what, int times = 1) {
        for (int made = 0; made < times; ++made) {
            groups[0].note_check(index, {what, false, "status 500"}, now, now);
        }
    }
    // How often each endpoint is chosen for `count` requests one after the other.
    std::map<std::uint32_t, int> chosen_of(int count, std::size_t worker = 0) {
        std::map<std::uint32_t, int> counts;
        for (int sent = 0; sent < count; ++sent) {
            auto one = begin(worker);
            ++counts[one.index];
            groups[worker].end(one, try_result::succeeded, now);
        }
        return counts;
    }

    time_point now{milliseconds{1'000'000}};
    host_cells cells{nullptr, 0};
    core::resilience::service_settings settings = [] {
        core::resilience::service_settings made;
        made.starting.length = milliseconds{0};
        made.balance = core::resilience::balance_policy::round_robin;
        return made;
    }();
    std::uint32_t own_zone = 0;
    std::shared_ptr<service_claim> service = cells.service("app", now);
    std::vector<endpoint_group::endpoint> all;
    std::vector<endpoint_group> groups;
};

TEST_F(endpoint_groups, a_new_endpoint_holds_one_request_of_all_workers) {
    start(2, 2);
    prove(0);
    std::vector<endpoint_try> open;
    int at_new = 0;
    for (int sent = 0; sent < 20; ++sent) {
        open.push_back(begin(static_cast<std::size_t>(sent % 2)));
        at_new += open.back().index == 1 ? 1 : 0;
    }
    EXPECT_EQ(at_new, 1);
    for (std::size_t sent = 0; sent < open.size(); ++sent) {
        groups[sent % 2].end(open[sent], try_result::succeeded, now);
    }
    EXPECT_EQ(chosen_of(20)[1], 10) << "its reply has proved that it works";
}

TEST_F(endpoint_groups, a_failed_request_frees_the_place_and_proves_nothing) {
    start(2);
    prove(0);
    for (int turn = 0; turn < 3; ++turn) {
        auto first = groups[0].begin({1, false, true}, now);
        ASSERT_TRUE(first.is_open());
        EXPECT_FALSE(groups[0].begin({1, false, true}, now).is_open()) << "it has its request";
        groups[0].end(first, try_result::timed_out, now);
    }
}

TEST_F(endpoint_groups, a_new_endpoint_takes_more_when_no_other_can) {
    settings.bulkhead.per_endpoint = 4;
    start(2);
    std::vector<endpoint_try> open;
    for (int sent = 0; sent < 8; ++sent) {
        open.push_back(begin());
        EXPECT_TRUE(open.back().is_open());
    }
    EXPECT_FALSE(choose().has_value()) << "both are full";
    for (endpoint_try& each : open) {
        groups[0].end(each, try_result::cancelled, now);
    }
    prove(0);
    open.clear();
    for (int sent = 0; sent < 8; ++sent) {
        open.push_back(begin());
    }
    EXPECT_FALSE(choose().has_value());
    for (endpoint_try& each : open) {
        groups[0].end(each, try_result::cancelled, now);
    }
}

TEST_F(endpoint_groups, a_single_new_endpoint_has_no_such_limit) {
    start(1);
    std::vector<endpoint_try> open;
    for (int sent = 0; sent < 50; ++sent) {
        open.push_back(begin());
        EXPECT_TRUE(open.back().is_open());
    }
    for (endpoint_try& each : open) {
        groups[0].end(each, try_result::cancelled, now);
    }
}

TEST_F(endpoint_groups, the_reply_to_a_check_is_a_proof_and_a_connection_is_none) {
    start(2);
    prove(0);
    check(1, health::healthy);
    EXPECT_TRUE(groups[0].begin({1, false, true}, now).is_open());
    EXPECT_FALSE(groups[0].begin({1, false, true}, now).is_open());
    groups[0].note_check(1, {health::healthy, true, {}}, now, now);
    std::vector<endpoint_try> open;
    for (int sent = 0; sent < 6; ++sent) {
        open.push_back(begin());
    }
    EXPECT_GE(
        std::ranges::count_if(open, [](const endpoint_try& each) { return each.index == 1; }),
        3
    );
}

TEST_F(endpoint_groups, an_unhealthy_endpoint_gets_no_requests_of_any_worker) {
    start(3, 2);
    for (std::uint32_t index = 0; index < 3; ++index) {
        prove(index);
    }
    check(1, health::healthy);
    check(1, health::unhealthy, 3);
    EXPECT_EQ(chosen_of(30, 0).count(1), 0U);
    EXPECT_EQ(chosen_of(30, 1).count(1), 0U);
    check(1, health::healthy, 2);
    EXPECT_EQ(chosen_of(30, 1)[1], 10);
}

TEST_F(endpoint_groups, a_healthy_endpoint_starts_slowly) {
    settings.starting.length = milliseconds{10'000};
    start(2);
    prove(0);
    prove(1);
    now += milliseconds{20'000};
    check(1, health::unhealthy);
    EXPECT_EQ(chosen_of(20).count(1), 0U);
    check(1, health::healthy, 2);
    EXPECT_LE(chosen_of(40)[1], 6);
    now += milliseconds{10'000};
    EXPECT_EQ(chosen_of(40)[1], 20);
}

TEST_F(endpoint_groups, all_are_used_when_all_are_unhealthy) {
    start(3);
    for (std::uint32_t index = 0; index < 3; ++index) {
        prove(index);
        check(index, health::unhealthy);
    }
    EXPECT_EQ(chosen_of(30).size(), 3U);
    for (std::size_t index = 0; index < 3; ++index) {
        check(index, health::unreachable);
    }
    EXPECT_EQ(chosen_of(30).size(), 3U);
}

TEST_F(endpoint_groups, a_panic_uses_no_endpoint_that_accepts_nothing) {
    start(4);
    for (std::uint32_t index = 0; index < 4; ++index) {
        prove(index);
    }
    check(1, health::unhealthy);
    check(2, health::unhealthy);
    check(3, health::unreachable);
    const auto counts = chosen_of(30);
    EXPECT_EQ(counts.count(1), 1U);
    EXPECT_EQ(counts.count(3), 0U);
}

TEST_F(endpoint_groups, a_check_that_connects_ends_a_refusal) {
    start(2);
    prove(0);
    prove(1);
    auto refused = groups[0].begin({1, false, false}, now);
    groups[0].end(refused, try_result::connection_refused, now);
    EXPECT_EQ(chosen_of(20).count(1), 0U);
    now += milliseconds{100};
    check(1, health::unhealthy);
    EXPECT_EQ(chosen_of(20).count(1), 0U) << "nothing has accepted";
    check(1, health::healthy, 2);
    EXPECT_EQ(chosen_of(20)[1], 10);
}

TEST_F(endpoint_groups, results_of_checks_do_not_count_when_there_are_none) {
    start(2);
    prove(0);
    prove(1);
    check(1, health::unhealthy);
    settings.check.every = milliseconds{0};
    assign();
    EXPECT_EQ(chosen_of(20)[1], 10);
    EXPECT_EQ(groups[0].check_due(1, now), time_point::max());
}

TEST_F(endpoint_groups, one_worker_makes_each_check) {
    start(1, 3);
    EXPECT_LE(groups[0].check_due(0, now), now);
    int made = 0;
    for (endpoint_group& each : groups) {
        made += each.take_check(0, now) ? 1 : 0;
    }
    EXPECT_EQ(made, 1);
    EXPECT_GT(groups[2].check_due(0, now), now);
}

TEST_F(endpoint_groups, weights_divide_the_requests) {
    start(2);
    prove(0);
    prove(1);
    all[1].weight = 3;
    assign();
    EXPECT_EQ(chosen_of(40)[1], 30);
    all[1].weight = 0;
    assign();
    EXPECT_EQ(chosen_of(40).count(1), 0U);
}

TEST_F(endpoint_groups, the_own_zone_comes_first_while_it_is_healthy) {
    own_zone = endpoint_group::zone_of("a");
    start(4);
    for (std::uint32_t index = 0; index < 4; ++index) {
        all[index].zone = endpoint_group::zone_of(index < 2 ? "a" : "b");
        prove(index);
    }
    assign();
    EXPECT_EQ(chosen_of(20), (std::map<std::uint32_t, int>{{0, 10}, {1, 10}}));
    const std::array<std::uint32_t, 2> own{0, 1};
    EXPECT_TRUE(groups[0].has_other(own)) << "a retry may leave the zone";
    endpoint_group::wish retried;
    retried.now = now;
    retried.tried = own;
    EXPECT_GE(groups[0].choose(retried)->index, 2U);
    check(1, health::unhealthy);
    EXPECT_EQ(chosen_of(30).size(), 3U) << "50 % of the zone is too little";
    EXPECT_NE(endpoint_group::zone_of("a"), endpoint_group::zone_of("b"));
    EXPECT_EQ(endpoint_group::zone_of(""), 0U);
}

} // namespace
} // namespace msd::upstream
