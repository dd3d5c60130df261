// SPDX-License-Identifier: Apache-2.0
#include "net/blocking_lane.hpp"

#include "base/exception_text.hpp"
#include "net/quiet_thread.hpp"

#include <asio/associated_cancellation_slot.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace msd::net {

// Shared by the lane and by functions posted to the loop, which may run after the lane is
// destroyed.
struct blocking_lane::state : std::enable_shared_from_this<state> {
    state(asio::any_io_executor where, settings with, batch_runner how)
        : executor{std::move(where)},
          chosen{with},
          runner{std::move(how)},
          timer{executor} {}

    // The loop's thread.
    void submit(std::shared_ptr<job> submitted);
    void hand_over();
    void deliver();
    void watch(time_point until);
    void expire();
    void abandon(const std::shared_ptr<job>& which, error why);
    void forget(job& which);
    void stop();

    // The lane's threads.
    void work();
    void run(std::span<const std::shared_ptr<job>> taken);

    const asio::any_io_executor executor;
    const settings chosen;
    const batch_runner runner;

    // Used on the loop's thread only.
    std::vector<std::shared_ptr<job>> fresh;   // submitted in this turn
    std::vector<std::shared_ptr<job>> waiting; // a coroutine awaits each of them
    std::size_t calls = 0;
    asio::steady_timer timer; // armed for a moment not after the earliest deadline
    time_point armed = time_point::max();
    std::vector<std::thread> threads;
    bool stopped = false;

    // Shared.
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::shared_ptr<job>> queued;
    std::vector<std::shared_ptr<job>> done;
    std::size_t idle = 0;
    bool delivery_posted = false;
    bool stopping = false;
};

void blocking_lane::state::submit(std::shared_ptr<job> submitted) {
    ++calls;
    submitted->place_ = waiting.size();
    waiting.push_back(submitted);
    watch(submitted->until_);
    if (fresh.empty()) {
        asio::post(executor, [self = shared_from_this()] { self->hand_over(); });
    }
    fresh.push_back(std::move(submitted));
}

void blocking_lane::state::hand_over() {
    const std::size_t batches = (fresh.size() + chosen.batch_max - 1) / chosen.batch_max;
    std::size_t wanted = 0;
    {
        const std::lock_guard lock{mutex};
        std::move(fresh.begin(), fresh.end(), std::back_inserter(queued));
        wanted = std::min(batches, idle);
    }
    fresh.clear();
    for (; wanted > 0; --wanted) {
        wake.notify_one();
    }
}

void blocking_lane::state::deliver() {
    std::vector<std::shared_ptr<job>> finished;
    {
        const std::lock_guard lock{mutex};
        finished.swap(done);
        delivery_posted = false;
    }
    calls -= finished.size();
    for (const auto& one : finished) {
        if (!one->waiter_) {
            continue;
        }
        forget(*one);
        const auto waiter = std::move(one->waiter_);
        waiter->resume();
    }
}

// The timer is only ever moved to an earlier time. If its calls have finished by then, it fires
// without effect: one needless wake-up per deadline is cheaper than setting the timer for each
// call.
void blocking_lane::state::watch(time_point until) {
    if (until >= armed) {
        return;
    }
    armed = until;
    timer.expires_at(until);
    timer.async_wait([self = shared_from_this()](std::error_code cancelled) {
        if (!cancelled) {
            self->expire();
        }
    });
}

void blocking_lane::state::expire() {
    armed = time_point::max();
    const auto now = clock::now();
    time_point next = time_point::max();
    for (std::size_t i = waiting.size(); i-- > 0;) {
        const auto one = waiting[i];
        if (one->until_ <= now) {
            abandon(one, {errc::timeout, "the call took too long"});
        } else {
            next = std::min(next, one->until_);
        }
    }
    watch(next);
}

// Resumes through the loop: this can be called from inside a cancellation signal, and resuming
// there would destroy the signal's handler while it runs.
void blocking_lane::state::abandon(const std::shared_ptr<job>& which, error why) {
    if (!which->waiter_) {
        return;
    }
    forget(*which);
    which->abandoned_.store(true, std::memory_order_relaxed);
    which->given_up_ = std::move(why);
    asio::post(executor, [waiter = std::move(which->waiter_)] { waiter->resume(); });
}

void blocking_lane::state::forget(job& which) {
    const std::size_t place = which.place_;
    waiting.back()->place_ = place;
    std::swap(waiting[place], waiting.back());
    waiting.pop_back();
}

void blocking_lane::state::work() {
    if (chosen.nice != 0) {
        // On Linux, this concerns the calling thread only. Without it, the lane works as well.
        const int inherited = ::getpriority(PRIO_PROCESS, 0);
        static_cast<void>(::setpriority(PRIO_PROCESS, 0, inherited + chosen.nice));
    }
    std::vector<std::shared_ptr<job>> taken;
    std::unique_lock lock{mutex};
    for (;;) {
        ++idle;
        wake.wait(lock, [this] { return stopping || !queued.empty(); });
        --idle;
        if (stopping) {
            return;
        }
        const auto count = std::min(queued.size(), chosen.batch_max);
        const auto end = queued.begin() + static_cast<std::ptrdiff_t>(count);
        taken.assign(std::move_iterator{queued.begin()}, std::move_iterator{end});
        queued.erase(queued.begin(), end);

        lock.unlock();
        run(taken);
        lock.lock();

        std::move(taken.begin(), taken.end(), std::back_inserter(done));
        if (!delivery_posted) {
            delivery_posted = true;
            lock.unlock();
            asio::post(executor, [self = shared_from_this()] { self->deliver(); });
            lock.lock();
        }
    }
}

void blocking_lane::state::run(std::span<const std::shared_ptr<job>> taken) {
    std::vector<job*> wanted;
    wanted.reserve(taken.size());
    for (const auto& one : taken) {
        if (!one->abandoned()) {
            wanted.push_back(one.get());
        }
    }
    if (runner && !wanted.empty()) {
        try {
            runner(wanted);
        } catch (...) {
            const std::string text = exception_text(std::current_exception());
            for (job* const one : wanted) {
                one->fail({errc::internal, text});
            }
        }
        return;
    }
    for (job* const one : wanted) {
        one->run();
    }
}

void blocking_lane::state::stop() {
    if (stopped) {
        return;
    }
    stopped = true;
    {
        const std::lock_guard lock{mutex};
        stopping = true;
    }
    wake.notify_all();
    for (auto& thread : threads) {
        thread.join();
    }
    timer.cancel();
    // The threads have ended: finished calls still deliver their outcomes, the others never
    // started.
    for (const auto& one : done) {
        if (one->waiter_) {
            forget(*one);
            asio::post(executor, [waiter = std::move(one->waiter_)] { waiter->resume(); });
        }
    }
    while (!waiting.empty()) {
        const auto last = waiting.back();
        abandon(last, {errc::cancelled, "stopping"});
    }
    done.clear();
    queued.clear();
    fresh.clear();
    calls = 0;
}

blocking_lane::blocking_lane(asio::any_io_executor executor, settings chosen, batch_runner runner)
    : state_{std::make_shared<state>(std::move(executor), chosen, std::move(runner))} {
    assert(chosen.threads > 0 && chosen.batch_max > 0);
    state_->threads.reserve(static_cast<std::size_t>(chosen.threads));
    try {
        for (int i = 0; i < chosen.threads; ++i) {
            state_->threads.push_back(quiet_thread([raw = state_.get()] { raw->work(); }));
        }
    } catch (...) {
        state_->stop(); // joins those that were started
        throw;
    }
}

blocking_lane::~blocking_lane() {
    stop();
}

void blocking_lane::stop() {
    state_->stop();
}

std::size_t blocking_lane::calls() const {
    return state_->calls;
}

result<void> blocking_lane::admit(deadline until) const {
    if (state_->stopped) {
        return fail(errc::cancelled, "stopping");
    }
    if (state_->calls >= state_->chosen.calls_max) {
        return fail(errc::unavailable, "too many calls are waiting");
    }
    if (until.passed()) {
        return fail(errc::timeout, "no time is left");
    }
    return {};
}

asio::awaitable<void> blocking_lane::finished(std::shared_ptr<job> submitted, deadline until) {
    auto begin = [](auto handler, state* lane, std::shared_ptr<job> which, time_point at) {
        struct awaiting final : job::waiter {
            explicit awaiting(decltype(handler) h) : handler_{std::move(h)} {}
            void resume() override {
                asio::get_associated_cancellation_slot(handler_).clear();
                std::move(handler_)();
            }
            decltype(handler) handler_;
        };

        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) {
            slot.assign([weak = std::weak_ptr{which}, lane = lane->weak_from_this()](auto) {
                const auto alive = lane.lock();
                const auto cancelled = weak.lock();
                if (alive && cancelled) {
                    alive->abandon(cancelled, {errc::cancelled, "the caller was cancelled"});
                }
            });
        }
        which->until_ = at;
        which->waiter_ = std::make_unique<awaiting>(std::move(handler));
        lane->submit(std::move(which));
    };
    return asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        begin,
        asio::use_awaitable,
        state_.get(),
        std::move(submitted),
        until.at()
    );
}

} // namespace msd::net
