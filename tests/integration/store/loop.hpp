// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <utility>

namespace msd::test {

constexpr milliseconds patience{30'000};

// An event loop for tests of asynchronous code: runs one coroutine to its end and returns its
// result. A test that waits longer than `patience` aborts the process.
class loop {
public:
    template <class T>
    T wait(asio::awaitable<T> task) {
        std::optional<T> outcome;
        auto ended = [&outcome](const std::exception_ptr& failed, T value) {
            if (failed) {
                std::rethrow_exception(failed);
            }
            outcome.emplace(std::move(value));
        };
        asio::co_spawn(context_, std::move(task), ended);
        run_until([&outcome] { return outcome.has_value(); });
        return std::move(*outcome);
    }

    void wait(asio::awaitable<void> task) {
        bool done = false;
        asio::co_spawn(context_, std::move(task), [&done](const std::exception_ptr& failed) {
            if (failed) {
                std::rethrow_exception(failed);
            }
            done = true;
        });
        run_until([&done] { return done; });
    }

    template <class Condition>
    void run_until(Condition reached, milliseconds longest = patience) {
        const auto limit = deadline::in(longest);
        // Without work the loop would spin and take the processor from the code it waits for.
        const auto work = asio::make_work_guard(context_);
        context_.restart();
        while (!reached()) {
            if (limit.passed()) {
                std::fputs("a test waited in vain\n", stderr);
                std::abort();
            }
            context_.run_one_for(milliseconds{10});
        }
    }

    [[nodiscard]] asio::io_context& context() { return context_; }
    [[nodiscard]] auto executor() { return context_.get_executor(); }

private:
    asio::io_context context_{1};
};

} // namespace msd::test
