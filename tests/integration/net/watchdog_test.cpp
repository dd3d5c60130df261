// SPDX-License-Identifier: Apache-2.0
#include "integration/loop.hpp"
#include "net/watchdog.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace msd::net {
namespace {

TEST(watchdog, calls_the_handler_of_a_passed_deadline_once_and_no_other) {
    test::loop loop;
    int passed = 0;
    int others = 0;
    watchdog::guard due{loop.dog, [&passed] {
                            ++passed;
                        }};
    watchdog::guard later{loop.dog, [&others] {
                              ++others;
                          }};
    const auto test = [](test::loop* on, watchdog::guard* soon, watchdog::guard* far, int* count
                      ) -> asio::awaitable<void> {
        far->set(deadline::in(milliseconds{3'600'000}));
        soon->set(deadline::in(milliseconds{1}));
        std::function<bool()> called = [count] {
            return *count > 0;
        };
        const bool seen = co_await on->until(std::move(called));
        EXPECT_TRUE(seen);
        const auto look_again = clock::now() + 4 * watchdog::resolution;
        std::function<bool()> looked = [look_again] {
            return clock::now() > look_again;
        };
        co_await on->until(std::move(looked));
    };
    loop.run(test(&loop, &due, &later, &passed));
    EXPECT_EQ(passed, 1);
    EXPECT_EQ(others, 0);
}

TEST(watchdog, lets_an_expiry_handler_destroy_the_next_guard) {
    test::loop loop;
    bool second_called = false;
    std::unique_ptr<watchdog::guard> second;
    bool first_called = false;
    watchdog::guard first{loop.dog, [&] {
                              first_called = true;
                              second.reset();
                          }};
    second =
        std::make_unique<watchdog::guard>(loop.dog, [&second_called] { second_called = true; });
    const auto due = deadline::in(milliseconds{1});
    first.set(due);
    second->set(due);
    const auto test = [](test::loop* on, bool* seen) -> asio::awaitable<void> {
        std::function<bool()> called = [seen] {
            return *seen;
        };
        co_await on->until(std::move(called));
    };
    loop.run(test(&loop, &first_called));
    EXPECT_TRUE(first_called);
    EXPECT_FALSE(second_called);
}

} // namespace
} // namespace msd::net
