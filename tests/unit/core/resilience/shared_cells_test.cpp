// SPDX-License-Identifier: Apache-2.0
// Several workers change the same cells at once; threads stand for processes.
#include "core/resilience/in_flight.hpp"
#include "core/resilience/rate_limiter.hpp"
#include "core/resilience/window.hpp"

#include <array>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace msd::core::resilience {
namespace {

constexpr time_point shared_start{milliseconds{1'000'000}};
constexpr int turns = 20'000;

template <class Work>
void in_four_threads(Work work) {
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; ++number) {
        threads.emplace_back([&work, number] { work(number); });
    }
    for (std::thread& each : threads) {
        each.join();
    }
}

TEST(shared_cells, no_count_is_lost) {
    window<2> counts{};
    in_four_threads([&counts](int) {
        for (int turn = 0; turn < turns; ++turn) {
            counts.add({1, 2}, shared_start);
        }
    });
    EXPECT_EQ(counts.sums(shared_start), (window<2>::counts{4 * turns, 8 * turns}));
}

TEST(shared_cells, no_limit_is_exceeded) {
    shared_count total{};
    std::array<shared_count, 4> own{};
    std::atomic<std::int32_t> inside{0};
    std::atomic<std::int32_t> most{0};
    in_four_threads([&](int number) {
        for (int turn = 0; turn < turns; ++turn) {
            if (!begin_request_below(3, total, own[static_cast<std::size_t>(number)])) {
                continue;
            }
            const std::int32_t now = inside.fetch_add(1) + 1;
            if (now > most) {
                most = now;
            }
            inside.fetch_sub(1);
            end_request(total, own[static_cast<std::size_t>(number)]);
        }
    });
    EXPECT_LE(most.load(), 3);
    EXPECT_EQ(total.load(), 0);
}

TEST(shared_cells, workers_together_get_the_burst_once) {
    std::atomic<std::uint64_t> cell{0};
    const limit_settings settings{{100, std::chrono::seconds{1}}, 999};
    std::atomic<int> allowed{0};
    in_four_threads([&](int) {
        for (int turn = 0; turn < turns; ++turn) {
            allowed += take_request(cell, settings, shared_start).is_allowed ? 1 : 0;
        }
    });
    EXPECT_EQ(allowed.load(), 1000);
}

} // namespace
} // namespace msd::core::resilience
