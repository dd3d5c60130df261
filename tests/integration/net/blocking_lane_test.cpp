// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: every behaviour of one lane, on one fixture.
#include "net/blocking_lane.hpp"
#include "net/task_group.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace msd::net {
namespace {

using namespace std::chrono_literals;
using outcome = result<int>;
using call = std::function<outcome()>;

constexpr milliseconds patience{20'000};

// A call that blocks until the test releases it.
class gate {
public:
    [[nodiscard]] call blocking(int number) const {
        return [this, number]() -> outcome {
            begun_.fetch_add(1);
            opened_.wait();
            return number;
        };
    }
    void open() { open_.set_value(); }
    [[nodiscard]] int begun() const { return begun_.load(); }

private:
    std::promise<void> open_;
    std::shared_future<void> opened_{open_.get_future().share()};
    mutable std::atomic<int> begun_{0};
};

asio::awaitable<void>
make_call(blocking_lane& lane, deadline until, call what, std::optional<outcome>& out) {
    auto came = co_await lane.run(until, std::move(what));
    out = std::move(came);
}

class blocking_lane_test : public testing::Test {
protected:
    ~blocking_lane_test() override {
        run_until([&] { return tasks_.size() == 0; });
    }

    void submit(
        blocking_lane& lane,
        call what,
        std::optional<outcome>& out,
        deadline until = deadline::never()
    ) {
        tasks_.spawn(make_call(lane, until, std::move(what), out));
    }

    void run_until(const std::function<bool()>& reached) {
        const auto limit = deadline::in(patience);
        loop_.restart();
        while (!reached()) {
            ASSERT_FALSE(limit.passed()) << "the condition was not reached in time";
            loop_.run_one_for(1ms);
            loop_.restart();
        }
    }

    asio::io_context loop_{1};
    task_group tasks_{loop_.get_executor(), [](std::exception_ptr) {
                      }};
};

TEST_F(blocking_lane_test, makes_the_call_on_its_own_thread_and_resumes_on_the_loop) {
    blocking_lane lane{loop_.get_executor(), {}};
    std::thread::id made_on;
    std::thread::id resumed_on;
    const call where = [&made_on]() -> outcome {
        made_on = std::this_thread::get_id();
        return 7;
    };
    std::optional<outcome> came;
    tasks_.spawn(
        [](blocking_lane& on, call what, std::optional<outcome>& out, std::thread::id& resumed
        ) -> asio::awaitable<void> {
            auto got = co_await on.run(deadline::never(), std::move(what));
            resumed = std::this_thread::get_id();
            out = std::move(got);
        }(lane, where, came, resumed_on)
    );
    run_until([&] { return came.has_value(); });
    EXPECT_EQ(came->value(), 7);
    EXPECT_NE(made_on, std::this_thread::get_id());
    EXPECT_EQ(resumed_on, std::this_thread::get_id());
}

TEST_F(blocking_lane_test, lowers_the_priority_of_its_threads_only) {
    const int own = ::getpriority(PRIO_PROCESS, 0);
    blocking_lane lane{loop_.get_executor(), {.nice = 1}};
    std::optional<outcome> came;
    submit(
        lane,
        []() -> outcome { return ::getpriority(PRIO_PROCESS, 0); },
        came
    );
    run_until([&] { return came.has_value(); });
    EXPECT_EQ(came->value(), std::min(own + 1, 19));
    EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), own);
}

TEST_F(blocking_lane_test, returns_the_error_of_a_call) {
    blocking_lane lane{loop_.get_executor(), {}};
    std::optional<outcome> came;
    submit(
        lane,
        []() -> outcome { return fail(errc::conflict, "taken"); },
        came
    );
    run_until([&] { return came.has_value(); });
    EXPECT_EQ(came->error().code, errc::conflict);
}

// Catches the exception of a call, as the caller of a handler does.
asio::awaitable<void> expect_throw(blocking_lane* lane, call what, std::string* thrown) {
    try {
        const auto got = co_await lane->run(deadline::never(), std::move(what));
        *thrown = got ? "nothing" : got.error().text;
    } catch (const std::exception& failure) {
        *thrown = failure.what();
    }
}

TEST_F(blocking_lane_test, rethrows_the_exception_of_a_call_where_it_is_awaited) {
    const auto one_by_one = [](std::span<blocking_lane::job* const> jobs) {
        for (auto* const one : jobs) {
            EXPECT_FALSE(one->run()) << "the runner of the batch sees the outcome as an error";
        }
    };
    for (const bool in_batches : {false, true}) {
        const auto runner = in_batches ? one_by_one : blocking_lane::batch_runner{};
        blocking_lane lane{loop_.get_executor(), {}, runner};
        std::string thrown;
        const call broken = []() -> outcome {
            throw std::runtime_error{"broken"};
        };
        tasks_.spawn(expect_throw(&lane, broken, &thrown));
        run_until([&] { return !thrown.empty(); });
        EXPECT_EQ(thrown, "broken");
        EXPECT_EQ(lane.calls(), 0U);
    }
}

TEST_F(blocking_lane_test, fails_all_calls_of_a_batch_whose_runner_throws) {
    int batches = 0;
    const auto runner = [&batches](std::span<blocking_lane::job* const> jobs) {
        jobs.front()->run();
        if (++batches == 1) {
            throw std::runtime_error{"no memory"};
        }
    };
    blocking_lane lane{loop_.get_executor(), {}, runner};
    const call seven = []() -> outcome {
        return 7;
    };
    std::optional<outcome> came;
    submit(lane, seven, came);
    run_until([&] { return came.has_value(); });
    EXPECT_EQ(came->error().code, errc::internal);
    EXPECT_EQ(came->error().text, "no memory");
    came.reset();
    submit(lane, seven, came);
    run_until([&] { return came.has_value(); });
    EXPECT_EQ(came->value(), 7) << "the thread continues";
}

TEST_F(blocking_lane_test, leaves_no_thread_running_when_one_thread_cannot_start) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer needs more address space than the limit leaves";
#endif
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
    rlim_t pages = 0;
    std::ifstream{"/proc/self/statm"} >> pages;
    rlimit little = before;
    constexpr rlim_t room = rlim_t{256} << 20U; // enough for some stacks, not for all
    little.rlim_cur = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + room;
    ASSERT_EQ(setrlimit(RLIMIT_AS, &little), 0);
    const auto make = [this] {
        const blocking_lane lane{loop_.get_executor(), {.threads = 1000}};
    };
    EXPECT_THROW(make(), std::system_error);
    ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
}

TEST_F(blocking_lane_test, returns_timeout_while_the_call_still_runs) {
    gate held;
    blocking_lane lane{loop_.get_executor(), {}};
    std::optional<outcome> came;
    submit(lane, held.blocking(1), came, deadline::in(20ms));
    run_until([&] { return came.has_value(); });
    EXPECT_EQ(came->error().code, errc::timeout);
    EXPECT_EQ(lane.calls(), 1U) << "the call occupies its thread until it ends";
    held.open();
    run_until([&] { return lane.calls() == 0; });
}

TEST_F(blocking_lane_test, never_makes_a_call_whose_deadline_passed_in_the_queue) {
    gate held;
    blocking_lane lane{loop_.get_executor(), {}};
    std::optional<outcome> first;
    submit(lane, held.blocking(1), first);
    run_until([&] { return held.begun() == 1; });

    std::atomic<bool> made{false};
    std::optional<outcome> late;
    const call never = [&made]() -> outcome {
        made = true;
        return 0;
    };
    submit(lane, never, late, deadline::in(10ms));
    run_until([&] { return late.has_value(); });
    EXPECT_EQ(late->error().code, errc::timeout);
    held.open();
    run_until([&] { return lane.calls() == 0; });
    EXPECT_FALSE(made);
    EXPECT_EQ(first->value(), 1);
}

TEST_F(blocking_lane_test, respects_an_earlier_deadline_that_is_submitted_later) {
    gate held;
    blocking_lane lane{loop_.get_executor(), {}};
    std::optional<outcome> patient;
    std::optional<outcome> hasty;
    submit(lane, held.blocking(1), patient, deadline::in(patience));
    submit(lane, held.blocking(2), hasty, deadline::in(10ms));
    run_until([&] { return hasty.has_value(); });
    EXPECT_EQ(hasty->error().code, errc::timeout);
    EXPECT_FALSE(patient.has_value());
    held.open();
    run_until([&] { return patient.has_value(); });
    EXPECT_EQ(patient->value(), 1);
}

TEST_F(blocking_lane_test, refuses_a_call_whose_deadline_has_passed) {
    blocking_lane lane{loop_.get_executor(), {}};
    std::optional<outcome> came;
    submit(
        lane,
        []() -> outcome { return 1; },
        came,
        deadline::in(-1ms)
    );
    run_until([&] { return came.has_value(); });
    EXPECT_EQ(came->error().code, errc::timeout);
    EXPECT_EQ(lane.calls(), 0U);
}

TEST_F(blocking_lane_test, refuses_calls_beyond_its_bound_at_once) {
    gate held;
    blocking_lane lane{loop_.get_executor(), {.threads = 1, .calls_max = 2}};
    std::array<std::optional<outcome>, 3> came;
    for (auto& one : came) {
        submit(lane, held.blocking(5), one);
    }
    run_until([&] { return came[2].has_value(); });
    EXPECT_EQ(came[2]->error().code, errc::unavailable);
    held.open();
    run_until([&] { return came[0] && came[1]; });
    EXPECT_EQ(came[1]->value(), 5);

    std::optional<outcome> again;
    submit(
        lane,
        []() -> outcome { return 6; },
        again
    );
    run_until([&] { return again.has_value(); });
    EXPECT_EQ(again->value(), 6);
}

TEST_F(blocking_lane_test, runs_as_many_calls_at_once_as_it_has_threads) {
    gate held;
    blocking_lane lane{loop_.get_executor(), {.threads = 2}};
    std::array<std::optional<outcome>, 3> came;
    for (auto& one : came) {
        submit(lane, held.blocking(1), one);
    }
    run_until([&] { return held.begun() == 2; });
    held.open();
    run_until([&] { return came[0] && came[1] && came[2]; });
}

TEST_F(blocking_lane_test, gives_the_queued_calls_to_a_runner_as_one_batch) {
    gate held;
    std::vector<std::size_t> batches;
    const auto runner = [&batches](std::span<blocking_lane::job* const> jobs) {
        batches.push_back(jobs.size());
        for (auto* const one : jobs) {
            one->run();
        }
    };
    blocking_lane lane{loop_.get_executor(), {.threads = 1, .batch_max = 4}, runner};
    std::optional<outcome> first;
    submit(lane, held.blocking(0), first);
    run_until([&] { return held.begun() == 1; });
    std::array<std::optional<outcome>, 6> came;
    for (auto& one : came) {
        submit(
            lane,
            []() -> outcome { return 1; },
            one
        );
    }
    run_until([&] { return lane.calls() == 7; });
    run_until([&, turns = 0]() mutable { return ++turns > 20; }); // handed over
    held.open();
    run_until([&] { return lane.calls() == 0; });
    lane.stop();
    EXPECT_EQ(batches, (std::vector<std::size_t>{1, 4, 2}));
}

TEST_F(blocking_lane_test, lets_a_runner_replace_an_outcome_before_it_is_delivered) {
    const auto runner = [](std::span<blocking_lane::job* const> jobs) {
        for (auto* const one : jobs) {
            EXPECT_TRUE(one->run());
        }
        for (auto* const one : jobs) {
            one->fail({errc::unavailable, "the commit failed"});
        }
    };
    blocking_lane lane{loop_.get_executor(), {.threads = 1, .batch_max = 4}, runner};
    std::optional<outcome> came;
    submit(
        lane,
        []() -> outcome { return 1; },
        came
    );
    run_until([&] { return came.has_value(); });
    EXPECT_EQ(came->error().code, errc::unavailable);
}

TEST_F(blocking_lane_test, cancels_queued_calls_when_it_stops) {
    gate held;
    blocking_lane lane{loop_.get_executor(), {}};
    std::optional<outcome> running;
    std::optional<outcome> queued;
    submit(lane, held.blocking(1), running);
    run_until([&] { return held.begun() == 1; });
    submit(lane, held.blocking(2), queued);
    run_until([&] { return lane.calls() == 2; });
    held.open();
    lane.stop();
    run_until([&] { return running && queued; });
    // It depends on timing whether the thread took the second call before it noticed the stop.
    EXPECT_EQ(running->value(), 1);
    EXPECT_TRUE(queued->has_value() || queued->error().code == errc::cancelled);

    std::optional<outcome> after;
    submit(
        lane,
        []() -> outcome { return 3; },
        after
    );
    run_until([&] { return after.has_value(); });
    EXPECT_EQ(after->error().code, errc::cancelled);
}

TEST_F(blocking_lane_test, cancels_calls_that_no_thread_received_when_it_is_destroyed) {
    std::optional<outcome> came;
    auto lane = std::make_unique<blocking_lane>(loop_.get_executor(), blocking_lane::settings{});
    tasks_.spawn(
        [](std::unique_ptr<blocking_lane>& on,
           std::optional<outcome>& out) -> asio::awaitable<void> {
            const call one = []() -> outcome {
                return 1;
            };
            auto got = co_await on->run(deadline::never(), one);
            out = std::move(got);
        }(lane, came)
    );
    loop_.run_one(
    ); // starts the coroutine, which submits a call; the loop does not finish that turn
    lane.reset();
    run_until([&] { return came.has_value(); });
    EXPECT_EQ(came->error().code, errc::cancelled);
}

TEST_F(blocking_lane_test, frees_a_coroutine_that_is_cancelled_while_its_call_runs) {
    gate held;
    blocking_lane lane{loop_.get_executor(), {}};
    std::optional<outcome> came;
    submit(lane, held.blocking(1), came);
    run_until([&] { return held.begun() == 1; });
    tasks_.terminate();
    run_until([&] { return tasks_.size() == 0; });
    EXPECT_EQ(lane.calls(), 1U);
    held.open();
    run_until([&] { return lane.calls() == 0; });
}

asio::awaitable<void> count_up(blocking_lane& lane, int caller, int calls, int& right) {
    for (int i = 0; i < calls; ++i) {
        const int expected = caller * calls + i;
        const auto echo = [text = std::to_string(expected)]() -> result<std::string> {
            return text;
        };
        const auto came = co_await lane.run(deadline::in(patience), echo);
        right += came && *came == std::to_string(expected) ? 1 : 0;
    }
}

TEST_F(blocking_lane_test, returns_each_of_many_outcomes_to_its_own_caller) {
    constexpr int callers = 64;
    constexpr int calls = 200;
    blocking_lane lane{loop_.get_executor(), {.threads = 4, .batch_max = 8}};
    int right = 0;
    for (int caller = 0; caller < callers; ++caller) {
        tasks_.spawn(count_up(lane, caller, calls, right));
    }
    run_until([&] { return tasks_.size() == 0; });
    EXPECT_EQ(right, callers * calls);
    EXPECT_EQ(lane.calls(), 0U);
}

} // namespace
} // namespace msd::net
