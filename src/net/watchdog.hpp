// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <functional>
#include <list>

namespace msd::net {

// One timer for all deadlines of a worker's connections. A timer per operation or connection costs
// a heap entry and wake-ups; setting a deadline here is one store. The watchdog checks all
// deadlines every `resolution` and calls the handler of each overdue one once. Single-threaded.
class watchdog {
public:
    static constexpr milliseconds resolution{50};

    // One watched deadline, which can be set, moved and cleared any number of times. The destructor
    // removes it from the watchdog.
    class guard {
    public:
        /// Calls `expire` once for each set() whose deadline passed; `expire` may call set() again.
        guard(watchdog& owner, std::function<void()> expire);
        ~guard();
        guard(const guard&) = delete;
        guard& operator=(const guard&) = delete;

        void set(deadline until) { until_ = until.at(); }
        void clear() { until_ = time_point::max(); }
        [[nodiscard]] time_point until() const { return until_; }

    private:
        friend class watchdog;
        watchdog& owner_;
        std::function<void()> expire_;
        time_point until_ = time_point::max();
        std::list<guard*>::iterator place_;
    };

    explicit watchdog(const asio::any_io_executor& executor);

    /// Runs until its task is terminated.
    asio::awaitable<void> run();

private:
    void look(time_point now);

    asio::steady_timer timer_;
    std::list<guard*> guards_;
    std::list<guard*>::iterator next_; // where a check in progress continues
};

} // namespace msd::net
