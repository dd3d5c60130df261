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

// One timer for all the deadlines of a worker's connections. A timer per operation, or even per
// connection, costs a heap entry and wake-ups; setting a deadline here is a store. It looks at all
// of them every `resolution` and calls what is overdue once. Single-threaded, like the worker.
class watchdog {
public:
    static constexpr milliseconds resolution{50};

    // One watched deadline. Set it, move it, clear it as often as you like; leaves the watchdog
    // when it is destroyed.
    class guard {
    public:
        /// `expire` is called once per set() whose deadline passed; it may set() again.
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

    /// Looks until its task is terminated.
    asio::awaitable<void> run();

private:
    void look(time_point now);

    asio::steady_timer timer_;
    std::list<guard*> guards_;
    std::list<guard*>::iterator next_; // where a look in progress goes on
};

} // namespace msd::net
