// SPDX-License-Identifier: Apache-2.0
#include "core/roll.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::core {
namespace {

using action = roll::action;
using phase = roll::phase;

constexpr time_point start{std::chrono::hours{1}};
constexpr milliseconds soak{2000};

constexpr time_point at(std::int64_t ms) {
    return start + milliseconds{ms};
}

std::string text_of(const roll::step& step) {
    const char* const names[] = {"none", "start", "retire", "discard"};
    return std::string{names[static_cast<int>(step.what)]} + " " + std::to_string(step.target) +
           (step.back ? " back" : "");
}

// All steps that are due now.
std::vector<std::string> steps(roll& of, time_point now) {
    std::vector<std::string> all;
    for (auto step = of.advance(now); step.what != action::none; step = of.advance(now)) {
        all.push_back(text_of(step));
    }
    return all;
}

using texts = std::vector<std::string>;

// One target that succeeds, from its start to its end.
void do_one(roll& of, time_point now) {
    EXPECT_EQ(of.advance(now).what, action::start);
    of.ready(now);
    EXPECT_EQ(of.advance(now + soak).what, action::retire);
    of.retired();
}

TEST(roll, without_targets_is_done) {
    EXPECT_EQ((roll{0, soak}.now_is()), phase::done);
}

TEST(roll, starts_one_and_waits_for_it) {
    roll one{2, soak};
    EXPECT_EQ(one.due(), time_point::min());
    EXPECT_EQ(steps(one, at(0)), texts{"start 0"});
    EXPECT_EQ(one.due(), time_point::max());
    EXPECT_EQ(steps(one, at(100'000)), texts{});
}

TEST(roll, retires_the_old_worker_once_the_new_one_has_soaked) {
    roll one{2, soak};
    EXPECT_EQ(steps(one, at(0)), texts{"start 0"});
    one.ready(at(10));
    EXPECT_EQ(one.due(), at(2010));
    EXPECT_EQ(steps(one, at(2009)), texts{});
    EXPECT_EQ(steps(one, at(2010)), texts{"retire 0"});
    EXPECT_EQ(one.finished(), 0U);
    one.retired();
    EXPECT_EQ(one.finished(), 1U);
    EXPECT_EQ(steps(one, at(2010)), texts{"start 1"});
}

TEST(roll, soaks_from_the_first_ready_on) {
    roll one{1, soak};
    EXPECT_EQ(steps(one, at(0)), texts{"start 0"});
    one.ready(at(10));
    one.ready(at(1000));
    EXPECT_EQ(one.due(), at(2010));
}

TEST(roll, soaks_as_long_as_the_new_worker_has_no_heartbeat) {
    roll one{1, soak};
    EXPECT_EQ(steps(one, at(0)), texts{"start 0"});
    one.hold(at(100'000)); // not yet soaking
    one.ready(at(100));
    one.hold(at(1000)); // before its end
    EXPECT_EQ(one.due(), at(2100));
    one.hold(at(2200));
    EXPECT_EQ(steps(one, at(2100)), texts{});
    EXPECT_EQ(one.due(), at(2200));
    EXPECT_EQ(steps(one, at(2200)), texts{"retire 0"});
}

TEST(roll, is_done_after_the_last_target) {
    roll two{2, soak};
    do_one(two, at(0));
    EXPECT_FALSE(two.is_over());
    do_one(two, at(5000));
    EXPECT_EQ(two.now_is(), phase::done);
    EXPECT_EQ(two.reason(), "");
}

TEST(roll, is_aborted_at_once_when_the_first_one_fails) {
    roll one{3, soak};
    EXPECT_EQ(steps(one, at(0)), texts{"start 0"});
    one.failed("exit code 1");
    EXPECT_EQ(one.now_is(), phase::aborted);
    EXPECT_EQ(one.reason(), "exit code 1");
    EXPECT_EQ(steps(one, at(0)), texts{"discard 0 back"});
}

TEST(roll, treats_failures_while_soaking_and_retiring_alike) {
    roll soaking{1, soak};
    EXPECT_EQ(steps(soaking, at(0)), texts{"start 0"});
    soaking.ready(at(0));
    soaking.failed("died");
    EXPECT_EQ(soaking.now_is(), phase::aborted);
    EXPECT_EQ(steps(soaking, at(100'000)), texts{"discard 0 back"});

    roll retiring{1, soak};
    EXPECT_EQ(steps(retiring, at(0)), texts{"start 0"});
    retiring.ready(at(0));
    EXPECT_EQ(steps(retiring, at(2000)), texts{"retire 0"});
    retiring.failed("did not take over");
    EXPECT_EQ(retiring.now_is(), phase::aborted);
}

TEST(roll, rolls_back_in_reverse_order_without_a_soak) {
    roll three{3, soak};
    do_one(three, at(0));
    do_one(three, at(5000));
    EXPECT_EQ(steps(three, at(9000)), texts{"start 2"});
    three.failed("exit code 1");
    EXPECT_TRUE(three.is_going_back());
    EXPECT_EQ(steps(three, at(9000)), (texts{"discard 2 back", "start 1 back"}));
    three.ready(at(9010));
    EXPECT_EQ(steps(three, at(9010)), texts{"retire 1 back"});
    three.retired();
    EXPECT_EQ(steps(three, at(9010)), texts{"start 0 back"});
    three.ready(at(9020));
    EXPECT_EQ(steps(three, at(9020)), texts{"retire 0 back"});
    three.retired();
    EXPECT_EQ(three.now_is(), phase::aborted);
    EXPECT_EQ(three.reason(), "exit code 1");
}

TEST(roll, continues_the_rollback_when_one_slot_fails) {
    roll three{3, soak};
    do_one(three, at(0));
    do_one(three, at(5000));
    EXPECT_EQ(steps(three, at(9000)), texts{"start 2"});
    three.failed("first reason");
    EXPECT_EQ(steps(three, at(9000)), (texts{"discard 2 back", "start 1 back"}));
    three.failed("second reason");
    EXPECT_EQ(steps(three, at(9000)), (texts{"discard 1 back", "start 0 back"}));
    three.ready(at(9000));
    EXPECT_EQ(steps(three, at(9000)), texts{"retire 0 back"});
    three.retired();
    EXPECT_EQ(three.now_is(), phase::aborted);
    EXPECT_EQ(three.reason(), "first reason");
}

TEST(roll, skips_a_target_that_was_removed) {
    roll two{2, soak};
    EXPECT_EQ(steps(two, at(0)), texts{"start 0"});
    two.skip();
    EXPECT_EQ(steps(two, at(0)), texts{"start 1"});
    two.skip();
    EXPECT_EQ(two.now_is(), phase::done);
    EXPECT_EQ(two.finished(), 0U);
}

TEST(roll, continues_with_targets_that_were_added) {
    roll one{1, soak};
    do_one(one, at(0));
    ASSERT_EQ(one.now_is(), phase::done);
    one.extend(2);
    EXPECT_EQ(steps(one, at(5000)), texts{"start 1"});
    one.extend(1); // while the roll runs
    one.ready(at(5000));
    EXPECT_EQ(steps(one, at(7000)), texts{"retire 1"});
    one.retired();
    EXPECT_EQ(steps(one, at(7000)), texts{"start 2"});
    one.failed("exit code 1");
    EXPECT_EQ(steps(one, at(7000)), (texts{"discard 2 back", "start 1 back"}));
    one.extend(1);
    EXPECT_TRUE(one.is_going_back());
}

TEST(roll, ignores_results_once_it_is_over) {
    roll one{1, soak};
    do_one(one, at(0));
    one.failed("late");
    one.skip();
    EXPECT_EQ(one.now_is(), phase::done);
    EXPECT_EQ(one.reason(), "");
    EXPECT_EQ(steps(one, at(0)), texts{});
}

} // namespace
} // namespace msd::core
