// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace msd::net {

// Runs blocking calls (a database, a password hash) outside the event loop: a small bounded pool of
// threads behind a queue. Each downstream has its own lane, so a slow downstream delays no other.
// Calls cross threads in batches: all calls submitted in one turn of the loop are handed over at
// its end under one lock, and all outcomes of a thread return in one posted function. All public
// functions are called on the loop's thread.
class blocking_lane {
public:
    // One submitted call as a batch runner sees it, on a thread of the lane.
    class job {
    public:
        job() = default;
        virtual ~job() = default;
        job(const job&) = delete;
        job& operator=(const job&) = delete;

        /// Makes the call, once. False when its outcome is an error, or an exception, which is
        /// thrown again where the call is awaited.
        virtual bool run() = 0;
        /// Replaces the outcome.
        virtual void fail(error why) = 0;
        /// No coroutine waits for the outcome any more; a runner that had to wait may skip the job.
        [[nodiscard]] bool abandoned() const { return abandoned_.load(std::memory_order_relaxed); }

    private:
        friend class blocking_lane;

        // The awaiting coroutine as the lane sees it.
        struct waiter {
            virtual ~waiter() = default;
            virtual void resume() = 0;
        };

        std::atomic<bool> abandoned_{false}; // set by the loop: no coroutine waits any more
        // Used on the loop's thread only.
        std::unique_ptr<waiter> waiter_; // null: resumed or about to be
        std::optional<error> given_up_;  // why it was abandoned
        time_point until_;
        std::size_t place_ = 0; // index among the waiting jobs
    };

    /// Runs a batch on a lane's thread, for example to put several calls into one transaction. It
    /// must run or fail each job that is not abandoned. Outcomes are delivered when it returns.
    /// When it throws, all jobs of the batch fail with errc::internal.
    using batch_runner = std::function<void(std::span<job* const>)>;

    struct settings {
        int threads = 1;
        std::size_t calls_max = 1024; // submitted and not finished; beyond: errc::unavailable
        std::size_t batch_max = 1;    // calls a thread takes at once
        int nice = 0;                 // of the threads, relative to the process; at most 19
    };

    /// Without a runner each call is made by itself. Throws std::system_error when a thread cannot
    /// be started.
    blocking_lane(asio::any_io_executor executor, settings chosen, batch_runner runner = {});
    /// Calls stop().
    ~blocking_lane();
    blocking_lane(const blocking_lane&) = delete;
    blocking_lane& operator=(const blocking_lane&) = delete;

    /// Makes `call`, a function that returns result<T>, on a thread of the lane; the awaiting
    /// coroutine must belong to the lane's executor. When `until` passes it gets errc::timeout at
    /// once: a call still queued is never made then. A call that runs continues and its outcome is
    /// dropped, so `call` must own everything it uses. errc::unavailable: too many calls;
    /// errc::cancelled: stopped, or the coroutine was. An exception that `call` throws is thrown
    /// here.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&>> run(deadline until, F call) {
        const auto admitted = admit(until);
        if (!admitted) {
            co_return tl::unexpected{admitted.error()};
        }
        const auto submitted = std::make_shared<call_job<F>>(std::move(call));
        co_await finished(submitted, until);
        if (auto& why = submitted->given_up_) {
            co_return tl::unexpected{std::move(*why)};
        }
        if (submitted->thrown_) {
            std::rethrow_exception(submitted->thrown_);
        }
        co_return std::move(submitted->outcome_);
    }

    /// Waits for the calls that run, drops those that are queued, joins the threads. Coroutines
    /// that still wait get errc::cancelled, or their outcome if it has just arrived.
    void stop();

    /// Calls submitted and not finished.
    [[nodiscard]] std::size_t calls() const;

private:
    struct state;

    template <class F>
    class call_job final : public job {
    public:
        explicit call_job(F call) : call_{std::move(call)} {}

        bool run() override {
            try {
                outcome_ = call_();
            } catch (...) {
                thrown_ = std::current_exception();
                return false;
            }
            return outcome_.has_value();
        }
        void fail(error why) override {
            outcome_ = tl::unexpected{std::move(why)};
            thrown_ = nullptr;
        }

    private:
        friend class blocking_lane;
        F call_;
        std::invoke_result_t<F&> outcome_ = tl::unexpected{error{}};
        std::exception_ptr thrown_;
    };

    [[nodiscard]] result<void> admit(deadline until) const;
    asio::awaitable<void> finished(std::shared_ptr<job> submitted, deadline until);

    std::shared_ptr<state> state_;
};

} // namespace msd::net
