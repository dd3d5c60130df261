// SPDX-License-Identifier: Apache-2.0
// Reloads that the workers apply while they serve.
#include "integration/process/running_master.hpp"

#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::process {
namespace {

constexpr const char* status_command = R"({"command":"status"})";
constexpr const char* reload_command = R"({"command":"reload"})";
constexpr const char* no_roll = R"("roll":{"id":0,"state":"idle")";

supervision_settings quick() {
    supervision_settings made = impatient();
    made.soak = milliseconds{50};
    made.configure_timeout = std::chrono::seconds{60};
    return made;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string begun(int number) {
    return R"({"ok":true,"reload":)" + std::to_string(number) + "}";
}

std::string has_ended(int number, const std::string& state, const std::string& reason = {}) {
    return R"("reload":{"id":)" + std::to_string(number) + R"(,"state":")" + state +
           R"(","reason":")" + reason + '"';
}

// The workers of goods are to apply a file with that text.
void write_file(const running_master& master, const std::string& text) {
    master.touch("config", text);
    master.touch("live", "goods");
}

pid_t kill_one(const running_master& master) {
    const pid_t victim = master.worker_pids().front();
    kill(victim, SIGKILL);
    return victim;
}

TEST(live_reload, is_applied_by_the_workers_that_run) {
    running_master master{"serve", {{"gateway", 1}, {"goods", 2}}, quick()};
    ASSERT_TRUE(master.ready());
    const auto before = master.worker_pids();
    write_file(master, "second");
    EXPECT_EQ(master.ask(reload_command), begun(1));
    ASSERT_TRUE(master.says(has_ended(1, "done"))) << master.log();
    EXPECT_EQ(master.count("goods/0 has second"), 1);
    EXPECT_EQ(master.count("goods/1 has second"), 1);
    EXPECT_EQ(master.count("gateway/0 CONFIGURE"), 0);
    EXPECT_EQ(master.count("master has adopted"), 1);
    EXPECT_EQ(master.worker_pids(), before);
    EXPECT_TRUE(contains(master.ask(status_command), no_roll));
}

TEST(live_reload, reaches_workers_that_start_later) {
    running_master master{"serve", {{"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    write_file(master, "second");
    master.signal(SIGHUP);
    ASSERT_TRUE(master.says(has_ended(1, "done"))) << master.log();
    kill_one(master);
    EXPECT_TRUE(master.noted("goods/0 has second", 2));
    EXPECT_EQ(master.ask(R"({"command":"scale","pool":"goods","workers":2})"), R"({"ok":true})");
    EXPECT_TRUE(master.noted("goods/1 has second"));
    EXPECT_EQ(master.count("goods/1 has first"), 0);
    EXPECT_EQ(master.ask(R"({"command":"roll"})"), R"({"ok":true,"roll":1})");
    EXPECT_TRUE(master.noted("goods/0 has second", 3));
}

TEST(live_reload, is_kept_by_an_upgrade) {
    running_master master{"serve", {{"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    write_file(master, "second");
    EXPECT_EQ(master.ask(reload_command), begun(1));
    ASSERT_TRUE(master.says(has_ended(1, "done"))) << master.log();
    const auto before = master.worker_pids();
    EXPECT_EQ(master.ask(R"({"command":"upgrade"})"), R"({"ok":true,"upgrade":1})");
    ASSERT_TRUE(master.says(R"("upgrade":{"id":1,"state":"done")")) << master.log();
    EXPECT_EQ(master.worker_pids(), before);
    kill_one(master);
    EXPECT_TRUE(master.noted("goods/0 has second", 2));
    EXPECT_EQ(master.count("goods/0 has first"), 1);
    // The new master numbers its reloads anew.
    write_file(master, "third");
    EXPECT_EQ(master.ask(reload_command), begun(1));
    EXPECT_TRUE(master.noted("goods/0 has third"));
    EXPECT_TRUE(master.says(has_ended(1, "done")));
}

TEST(live_reload, that_a_worker_refuses_changes_nothing) {
    running_master master{"slot 1 refuse", {{"goods", 2}}, quick()};
    ASSERT_TRUE(master.ready());
    const auto before = master.worker_pids();
    write_file(master, "second");
    EXPECT_EQ(master.ask(reload_command), begun(1));
    ASSERT_TRUE(master.says(has_ended(1, "refused", "goods/1: not this file"))) << master.log();
    EXPECT_TRUE(master.noted("goods/0 has first", 2)); // at its start, and again now
    EXPECT_EQ(master.count("master has refused"), 1);
    EXPECT_EQ(master.count("master has adopted"), 0);
    EXPECT_EQ(master.worker_pids(), before);
    EXPECT_TRUE(contains(master.ask(status_command), no_roll));
    kill_one(master);
    EXPECT_TRUE(master.noted("goods/0 has first", 3));
}

// So does a worker of an earlier program.
TEST(live_reload, rolls_the_pool_of_a_worker_that_does_not_answer) {
    supervision_settings supervision = quick();
    supervision.configure_timeout = milliseconds{500};
    running_master master{"slot 1 deaf", {{"gateway", 1}, {"goods", 2}}, supervision};
    ASSERT_TRUE(master.ready());
    const auto before = master.worker_pids();
    master.next_workers("serve");
    write_file(master, "second");
    EXPECT_EQ(master.ask(reload_command), begun(1));
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    EXPECT_TRUE(contains(master.ask(status_command), has_ended(1, "done")));
    EXPECT_TRUE(eventually([&] { return is_gone(before[1]) && is_gone(before[2]); }));
    EXPECT_FALSE(is_gone(before[0]));
    EXPECT_EQ(master.count("goods/1 has second"), 1);
    EXPECT_EQ(master.count("goods/0 has first"), 2); // it got its file back before the roll
    write_file(master, "third");
    EXPECT_EQ(master.ask(reload_command), begun(2));
    EXPECT_TRUE(master.noted("goods/1 has third"));
    EXPECT_TRUE(contains(master.ask(status_command), R"("roll":{"id":1)"));
}

TEST(live_reload, waits_for_the_roll_in_progress) {
    supervision_settings supervision = quick();
    supervision.soak = milliseconds{300};
    running_master master{"serve", {{"goods", 2}}, supervision};
    ASSERT_TRUE(master.ready());
    EXPECT_EQ(master.ask(R"({"command":"roll"})"), R"({"ok":true,"roll":1})");
    ASSERT_TRUE(master.noted("goods/0 started", 2));
    write_file(master, "second");
    EXPECT_EQ(master.ask(reload_command), begun(1));
    EXPECT_TRUE(contains(master.ask(status_command), has_ended(1, "waiting")));
    EXPECT_EQ(master.ask(R"({"command":"roll"})"), R"({"ok":true,"roll":2})");
    ASSERT_TRUE(master.says(has_ended(1, "done"))) << master.log();
    ASSERT_TRUE(master.says(R"("roll":{"id":2,"state":"done")")) << master.log();
    const std::string log = master.log();
    EXPECT_LT(log.find("roll 1 done"), log.find("reload 1")) << log;
    EXPECT_TRUE(master.noted("goods/0 has second")) << log;
    EXPECT_TRUE(master.noted("goods/1 has second")) << log;
    EXPECT_TRUE(contains(master.ask(status_command), R"("previous":{"id":1,"state":"done")"));
}

TEST(live_reload, is_followed_by_at_most_one_further_reload) {
    running_master master{"serve", {{"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    const pid_t worker = master.worker_pids().front();
    kill(worker, SIGSTOP);
    write_file(master, "second");
    EXPECT_EQ(master.ask(reload_command), begun(1));
    EXPECT_TRUE(contains(master.ask(status_command), has_ended(1, "applying")));
    EXPECT_EQ(master.ask(reload_command), begun(2));
    EXPECT_EQ(master.ask(reload_command), begun(2));
    master.touch("bad");
    kill(worker, SIGCONT);
    EXPECT_TRUE(master.says(
        has_ended(2, "refused", "a bad file") +
        R"(,"previous":{"id":1,"state":"done","reason":""}})"
    )) << master.log();
    EXPECT_EQ(master.count("goods/0 has second"), 1);
}

TEST(live_reload, does_not_wait_for_workers_that_start_and_reaches_them) {
    running_master master{"slot 1 late", {{"goods", 2}}, quick()};
    ASSERT_TRUE(master.noted("goods/0 ready"));
    ASSERT_TRUE(master.noted("goods/1 started"));
    write_file(master, "second");
    EXPECT_EQ(master.ask(reload_command), begun(1));
    ASSERT_TRUE(master.ready()) << master.log();
    EXPECT_TRUE(master.noted("goods/1 has second"));
    EXPECT_TRUE(master.says(has_ended(1, "done")));
    EXPECT_EQ(master.count("goods/1 started"), 1);
}

TEST(live_reload, holds_an_upgrade_until_it_has_ended) {
    running_master master{"serve", {{"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    const pid_t worker = master.worker_pids().front();
    kill(worker, SIGSTOP);
    write_file(master, "second");
    EXPECT_EQ(master.ask(reload_command), begun(1));
    EXPECT_EQ(master.ask(R"({"command":"upgrade"})"), R"({"ok":true,"upgrade":1})");
    EXPECT_TRUE(contains(master.ask(status_command), R"("upgrade":{"id":1,"state":"waiting")"));
    kill(worker, SIGCONT);
    ASSERT_TRUE(master.says(R"("upgrade":{"id":1,"state":"done")")) << master.log();
    EXPECT_EQ(master.count("master has adopted"), 1);
    kill_one(master);
    EXPECT_TRUE(master.noted("goods/0 has second", 2));
}

TEST(live_reload, has_no_effect_when_the_instance_stops) {
    running_master master{"serve", {{"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    const pid_t worker = master.worker_pids().front();
    kill(worker, SIGSTOP);
    write_file(master, "second");
    EXPECT_EQ(master.ask(reload_command), begun(1));
    master.signal(SIGTERM);
    EXPECT_TRUE(master.noted("master has refused"));
    kill(worker, SIGCONT);
    EXPECT_EQ(master.wait(), 0);
}

TEST(live_reload, rolls_the_pools_that_read_other_changed_keys) {
    running_master master{"serve", {{"gateway", 1}, {"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    const auto before = master.worker_pids();
    ASSERT_EQ(before.size(), 2U);
    write_file(master, "second");
    master.touch("changed", "gateway");
    EXPECT_EQ(master.ask(reload_command), begun(1));
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    ASSERT_TRUE(eventually([&] { return is_gone(before[0]); }));
    EXPECT_FALSE(is_gone(before[1]));
    EXPECT_EQ(master.count("goods/0 has second"), 1);
    EXPECT_EQ(master.count("gateway/0 has second"), 1);
    EXPECT_EQ(master.count("gateway/0 CONFIGURE"), 0);
}

} // namespace
} // namespace msd::process
