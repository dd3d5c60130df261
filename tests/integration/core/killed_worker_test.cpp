// SPDX-License-Identifier: Apache-2.0
// Workers that are killed while they change the shared state of the resilience policies.
#include "core/resilience/breaker.hpp"
#include "core/resilience/bulkhead.hpp"
#include "core/resilience/ejection.hpp"
#include "core/resilience/endpoint_load.hpp"
#include "core/resilience/rate_limiter.hpp"
#include "core/resilience/retry_budget.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <gtest/gtest.h>
#include <new>

namespace msd::core::resilience {
namespace {

constexpr time_point kill_start{milliseconds{1'000'000}};
constexpr std::size_t endpoints = 4;
constexpr std::size_t keys = 8;

struct segment {
    std::atomic<std::uint64_t> turns;
    std::array<ejection, endpoints> ejections;
    ejection_group group;
    std::array<endpoint_load, endpoints> loads;
    std::array<shared_count, endpoints> own_loads;
    breaker broken;
    retry_budget budget;
    bulkhead_counts host;
    bulkhead_counts own;
    std::array<std::atomic<std::uint64_t>, limiter_table::cells_for(keys)> limits;
};

segment& shared_segment() {
    void* const memory =
        mmap(nullptr, sizeof(segment), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory, MAP_FAILED);
    return *new (memory) segment{};
}

std::array<ejection*, endpoints> members_of(segment& shared) {
    std::array<ejection*, endpoints> made{};
    for (std::size_t index = 0; index < endpoints; ++index) {
        made[index] = &shared.ejections[index];
    }
    return made;
}

// What a worker does for a request that begins at `now`, with failures now and then.
void one_request(segment& shared, random_generator& random, time_point now) {
    const auto members = members_of(shared);
    const std::size_t index = random.below(endpoints);
    const auto result = random.below(3) == 0 ? try_result::gateway_error : try_result::succeeded;
    const limiter_table table{shared.limits};
    (void)table.take(random.below(50), {{1000, std::chrono::seconds{1}}, 5}, now);
    shared.budget.count_request(now);
    (void)shared.budget.take({}, now);
    const breaker_decision admitted = shared.broken.admit({}, now, random);
    begin_request(shared.host.running, shared.own.running);
    begin_request(shared.loads[index].in_flight, shared.own_loads[index]);
    const observed_try tried{result, now, now + milliseconds{3}};
    shared.loads[index].observe(result, std::chrono::microseconds{3000}, tried.ended);
    observe({shared.group, members}, shared.ejections[index], tried, {});
    shared.broken.observe({}, admitted, tried, random);
    (void)shared.ejections[index].take_probe({}, now);
    end_request(shared.loads[index].in_flight, shared.own_loads[index]);
    end_request(shared.host.running, shared.own.running);
}

[[noreturn]] void work_until_killed(segment& shared, std::uint64_t seed) {
    random_generator random{seed};
    for (std::uint64_t turn = 0;; ++turn) {
        one_request(shared, random, kill_start + milliseconds{turn});
        shared.turns.fetch_add(1);
    }
}

TEST(killed_worker, leaves_a_state_with_which_others_go_on) {
    segment& shared = shared_segment();
    random_generator random{1};
    std::uint64_t done = 0;
    int kills = 0;
    for (; kills < 100; ++kills) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            work_until_killed(shared, random());
        }
        const std::uint64_t wanted = done + 20 + random.below(200);
        while (shared.turns.load() < wanted) {
            sched_yield();
        }
        kill(child, SIGKILL);
        ASSERT_EQ(waitpid(child, nullptr, 0), child);
        random(); // the next child works in another order
        done = shared.turns.load();
        reclaim_requests(shared.host, shared.own);
        for (std::size_t index = 0; index < endpoints; ++index) {
            reclaim_in_flight(shared.loads[index].in_flight, shared.own_loads[index]);
        }
    }
    // At most one too many for each kill, and only when it hit the moment between two instructions.
    EXPECT_LE(requests_in(shared.host.running), kills / 5);

    time_point now = kill_start + std::chrono::hours{1};
    const limiter_table table{shared.limits};
    for (std::uint64_t key = 0; key < keys; ++key) {
        EXPECT_TRUE(table.take(key, {{1000, std::chrono::seconds{1}}, 5}, now).is_allowed);
    }
    EXPECT_EQ(shared.budget.available({}, now), 100U);
    for (const ejection& each : shared.ejections) {
        EXPECT_EQ(each.phase(now), ejection_phase::in_service);
    }
    // The breaker closes with good replies, from whatever phase it is in.
    for (int turn = 0; turn < 200; ++turn) {
        now += milliseconds{100};
        const breaker_decision admitted = shared.broken.admit({}, now, random);
        shared.broken.observe({}, admitted, {try_result::succeeded, now, now}, random);
    }
    EXPECT_EQ(shared.broken.admit({}, now, random).what, breaker_decision::kind::allowed);
    const auto members = members_of(shared);
    ejection_change last = ejection_change::none;
    for (int error = 0; error < 5 && last == ejection_change::none; ++error) {
        const observed_try failed{try_result::reset, now, now};
        last = observe({shared.group, members}, shared.ejections[0], failed, {});
    }
    EXPECT_EQ(last, ejection_change::ejected);
    munmap(&shared, sizeof(segment));
}

} // namespace
} // namespace msd::core::resilience
