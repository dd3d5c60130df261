// SPDX-License-Identifier: Apache-2.0
#include "integration/loop.hpp"
#include "node/unproven_peers.hpp"

#include <cstddef>
#include <functional>
#include <gtest/gtest.h>
#include <list>
#include <memory>
#include <utility>
#include <vector>

namespace msd::node {
namespace {

TEST(unproven_peers, close_the_oldest_when_there_are_too_many) {
    test::loop loop;
    unproven_peers peers{loop.dog};
    std::list<unproven_peers::place> places;
    std::vector<std::size_t> closed;
    const std::size_t count = unproven_peers::count_max + 3;
    for (std::size_t i = 0; i < count; ++i) {
        places.emplace_back(peers, [&closed, i] { closed.push_back(i); });
    }
    EXPECT_EQ(closed, (std::vector<std::size_t>{0, 1, 2}));
    EXPECT_EQ(peers.count(), unproven_peers::count_max);
    places.clear();
    EXPECT_EQ(peers.count(), 0U);
    EXPECT_EQ(closed.size(), 3U) << "each is closed once";
}

TEST(unproven_peers, are_closed_when_their_time_is_over) {
    test::loop loop;
    unproven_peers peers{loop.dog, milliseconds{1}};
    int closed = 0;
    std::list<unproven_peers::place> places;
    places.emplace_back(peers, [&closed] { ++closed; });
    {
        const unproven_peers::place proven{peers, [&closed] {
                                               closed += 100;
                                           }};
    }
    places.emplace_back(peers, [&closed] { ++closed; });
    const auto test = [](test::loop* on, const int* count) -> asio::awaitable<void> {
        std::function<bool()> both = [count] {
            return *count == 2;
        };
        const bool seen = co_await on->until(std::move(both));
        EXPECT_TRUE(seen);
    };
    loop.run(test(&loop, &closed));
    EXPECT_EQ(peers.count(), 0U);
}

TEST(unproven_peers, may_be_destroyed_by_being_closed) {
    test::loop loop;
    unproven_peers peers{loop.dog};
    std::list<unproven_peers::place> others;
    std::unique_ptr<unproven_peers::place> first;
    first = std::make_unique<unproven_peers::place>(peers, [&first] { first.reset(); });
    for (std::size_t i = 0; i < unproven_peers::count_max; ++i) {
        others.emplace_back(peers, [] {});
    }
    EXPECT_EQ(first, nullptr);
    EXPECT_EQ(peers.count(), unproven_peers::count_max);
}

TEST(refusal_log, counts_what_it_leaves_out) {
    refusal_log lines;
    const time_point now = clock::now();
    for (int i = 0; i < 1000; ++i) {
        lines.add("refused", now);
    }
    lines.add("refused", now + refusal_log::period);
    EXPECT_EQ(lines.count(), 1001U);
}

} // namespace
} // namespace msd::node
