// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/bulkhead.hpp"

#include <gtest/gtest.h>

namespace msd::core::resilience {
namespace {

constexpr time_point bulkhead_start{milliseconds{1'000'000}};
const deadline far_away{bulkhead_start + milliseconds{60'000}};

using entry_kind = bulkhead::entry;

class two_workers {
public:
    bulkhead_settings settings{2, 128, 3, milliseconds{100}, 10};
    bulkhead_counts host{};
    bulkhead_counts own_first{};
    bulkhead_counts own_second{};
    bulkhead first{settings, host, own_first};
    bulkhead second{settings, host, own_second};

    entry_kind enter(bulkhead& worker, bulkhead::id who) {
        return worker.enter(who, far_away, bulkhead_start).what;
    }
};

TEST(bulkhead, limits_hold_for_all_workers_together) {
    two_workers with;
    EXPECT_EQ(with.enter(with.first, 1), entry_kind::entered);
    EXPECT_EQ(with.enter(with.second, 2), entry_kind::entered);
    EXPECT_EQ(with.enter(with.first, 3), entry_kind::waits);
    EXPECT_EQ(with.enter(with.second, 4), entry_kind::waits);
    EXPECT_EQ(with.enter(with.second, 5), entry_kind::waits);
    EXPECT_EQ(with.enter(with.first, 6), entry_kind::refused);
    with.first.leave();
    EXPECT_EQ(with.enter(with.first, 7), entry_kind::refused) << "others wait already";
    EXPECT_EQ(with.second.next(bulkhead_start), 4U);
    EXPECT_EQ(with.second.next(bulkhead_start), std::nullopt);
    EXPECT_EQ(with.first.next(bulkhead_start), std::nullopt);
}

TEST(bulkhead, requests_of_a_worker_enter_in_their_order) {
    two_workers with;
    for (bulkhead::id who = 1; who <= 5; ++who) {
        with.enter(with.first, who);
    }
    with.first.cancel(4);
    EXPECT_EQ(with.first.waiting(), 2U);
    EXPECT_EQ(with.enter(with.first, 6), entry_kind::waits) << "a place is free again";
    for (const bulkhead::id who : {3U, 5U, 6U}) {
        with.first.leave();
        EXPECT_EQ(with.first.next(bulkhead_start), who);
    }
    EXPECT_EQ(requests_in(with.host.waiting), 0);
    EXPECT_EQ(requests_in(with.host.running), 2);
}

TEST(bulkhead, a_request_waits_a_tenth_of_its_time_and_at_most_100_ms) {
    two_workers with;
    with.enter(with.first, 1);
    with.enter(with.first, 2);
    const auto wait_until = [&with](bulkhead::id who, int left_ms) {
        const deadline request{bulkhead_start + milliseconds{left_ms}};
        return with.first.enter(who, request, bulkhead_start).wait_until - bulkhead_start;
    };
    EXPECT_EQ(wait_until(3, 5000), milliseconds{100});
    EXPECT_EQ(wait_until(4, 300), milliseconds{30});
    const time_point later = bulkhead_start + milliseconds{30};
    EXPECT_EQ(with.first.expired(later - milliseconds{1}), std::nullopt);
    EXPECT_EQ(with.first.expired(later), 4U);
    EXPECT_EQ(with.first.expired(later), std::nullopt);
    with.first.leave();
    const time_point over = bulkhead_start + milliseconds{100};
    EXPECT_EQ(with.first.next(over), std::nullopt) << "its time is over";
    EXPECT_EQ(with.first.expired(over), 3U);
    EXPECT_EQ(with.first.waiting(), 0U);
    EXPECT_EQ(with.enter(with.first, 9), entry_kind::entered);
}

TEST(bulkhead, the_slot_of_a_dead_worker_is_reclaimed) {
    two_workers with;
    for (bulkhead::id who = 1; who <= 4; ++who) {
        with.enter(with.first, who);
    }
    EXPECT_EQ(with.enter(with.second, 5), entry_kind::waits);
    reclaim_requests(with.host, with.own_first);
    EXPECT_EQ(requests_in(with.host.running), 0);
    EXPECT_EQ(requests_in(with.host.waiting), 1);
    EXPECT_EQ(with.second.next(bulkhead_start), 5U);
}

TEST(bulkhead, the_queue_works_for_many_rounds) {
    two_workers with;
    with.enter(with.first, 1);
    with.enter(with.first, 2);
    for (bulkhead::id who = 3; who < 1000; ++who) {
        EXPECT_EQ(with.enter(with.first, who), entry_kind::waits);
        with.first.leave();
        EXPECT_EQ(with.first.next(bulkhead_start), who);
    }
}

TEST(bulkhead, places_of_cancelled_requests_are_used_again) {
    two_workers with;
    for (bulkhead::id who = 1; who <= 4; ++who) {
        with.enter(with.first, who);
    }
    for (bulkhead::id who = 5; who < 50; ++who) {
        EXPECT_EQ(with.enter(with.first, who), entry_kind::waits) << "3 still waits before it";
        with.first.cancel(who);
    }
    with.first.leave();
    EXPECT_EQ(with.first.next(bulkhead_start), 3U);
    with.first.leave();
    EXPECT_EQ(with.first.next(bulkhead_start), 4U);
}

TEST(bulkhead, without_a_queue_a_full_service_refuses_at_once) {
    bulkhead_counts host{};
    bulkhead_counts own{};
    bulkhead full{{1, 128, 0, milliseconds{100}, 10}, host, own};
    EXPECT_EQ(full.enter(1, far_away, bulkhead_start).what, entry_kind::entered);
    EXPECT_EQ(full.enter(2, far_away, bulkhead_start).what, entry_kind::refused);
}

} // namespace
} // namespace msd::core::resilience
