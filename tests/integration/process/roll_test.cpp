// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: all ways in which a running master replaces workers, with one fixture.
#include "integration/process/running_master.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::process {
namespace {

namespace fs = std::filesystem;

constexpr const char* status_command = R"({"command":"status"})";

supervision_settings quick() {
    supervision_settings made = impatient();
    made.soak = milliseconds{50};
    return made;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(roll, replaces_every_worker_and_drains_the_old_ones) {
    running_master master{"serve", {{"gateway", 2}, {"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    const auto before = master.worker_pids();
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    EXPECT_TRUE(eventually([&] { return std::all_of(before.begin(), before.end(), is_gone); }));
    EXPECT_TRUE(eventually([&] { return master.worker_pids().size() == 3; }));
    EXPECT_EQ(master.count("gateway/0 DRAIN"), 1);
    EXPECT_EQ(master.count("gateway/1 DRAIN"), 1);
    EXPECT_EQ(master.count("goods/0 DRAIN"), 1);
    EXPECT_FALSE(contains(master.ask(status_command), R"("generation":1)"));
}

TEST(roll, starts_a_new_worker_before_the_old_one_drains) {
    running_master master{"serve", {{"goods", 2}}, quick()};
    ASSERT_TRUE(master.ready());
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.noted("goods/1 DRAIN"));
    const auto notes = master.notes();
    const auto nth = [&notes](const std::string& note, int n) {
        auto at = notes.begin();
        for (; n > 0 && at != notes.end(); ++at) {
            n -= *at == note ? 1 : 0;
        }
        return at - notes.begin();
    };
    EXPECT_LT(nth("goods/0 started", 2), nth("goods/0 DRAIN", 1));
    EXPECT_LT(nth("goods/0 started", 2), nth("goods/1 started", 2));
    EXPECT_LT(nth("goods/1 started", 2), nth("goods/1 DRAIN", 1));
}

class bad_program : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(bad_program, does_not_affect_the_old_workers) {
    supervision_settings supervision = quick();
    supervision.soak = std::chrono::seconds{60}; // longer than a bad worker lives
    supervision.start_timeout = milliseconds{2000};
    running_master master{"serve", {{"goods", 2}}, supervision};
    ASSERT_TRUE(master.ready());
    const auto before = master.worker_pids();
    master.next_workers(GetParam().first);
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.says(R"("state":"aborted")")) << master.log();
    EXPECT_TRUE(contains(master.ask(status_command), GetParam().second))
        << master.ask(status_command);
    EXPECT_EQ(master.worker_pids(), before);
    EXPECT_EQ(master.count("goods/0 DRAIN"), 0);
}

INSTANTIATE_TEST_SUITE_P(
    roll,
    bad_program,
    testing::Values(
        std::pair{"exit:3", "goods/0: because of 3"},
        std::pair{"exit:78", "goods/0: because of 78"},
        std::pair{"mute", "goods/0: not ready after 2000 ms"},
        std::pair{"abort", "goods/0: ended after it was ready: signal 6 (Aborted)"}
    )
);

TEST(roll, rolls_back_earlier_slots_when_a_later_one_fails) {
    running_master master{"serve", {{"goods", 3}}, quick()};
    ASSERT_TRUE(master.ready());
    const auto before = master.worker_pids();
    master.next_workers("slot 2 exit:3");
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"aborted")")) << master.log();
    EXPECT_TRUE(eventually([&] { return master.worker_pids().size() == 3; }));
    EXPECT_EQ(master.worker_pids()[2], before[2]);
    EXPECT_NE(master.worker_pids()[0], before[0]);
    // The slot has its old program again, so a dead worker is replaced with that one.
    EXPECT_FALSE(contains(master.ask(status_command), R"("generation":2)"));
}

TEST(roll, replaces_a_dead_worker_with_the_program_of_its_slot) {
    running_master master{"serve", {{"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    master.next_workers("exit:3");
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.says(R"("state":"aborted")"));
    kill(master.worker_pids().front(), SIGKILL);
    EXPECT_TRUE(master.says(R"("generation":1,"build":"","state":"ready")"));
}

TEST(roll, is_followed_by_at_most_one_further_roll) {
    supervision_settings supervision = quick();
    supervision.soak = std::chrono::seconds{1}; // all ten requests arrive during the first roll
    running_master master{"serve", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    for (int n = 0; n < 10; ++n) {
        EXPECT_TRUE(contains(master.ask(R"({"command":"roll"})"), R"("ok":true)"));
    }
    ASSERT_TRUE(master.says(R"("roll":{"id":2,"state":"done")")) << master.log();
    EXPECT_EQ(master.count("goods/0 started"), 3);
}

TEST(roll, of_one_pool_does_not_affect_the_others) {
    running_master master{"serve", {{"gateway", 1}, {"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    EXPECT_EQ(master.ask(R"({"command":"roll","pool":"goods"})"), R"({"ok":true,"roll":1})");
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")"));
    EXPECT_EQ(master.count("gateway/0 started"), 1);
    EXPECT_EQ(
        master.ask(R"({"command":"roll","pool":"god"})"),
        R"({"error":"there is no pool 'god'; the pools are: gateway, goods"})"
    );
}

TEST(roll, is_aborted_when_the_instance_stops) {
    supervision_settings supervision = quick();
    supervision.soak = std::chrono::seconds{60};
    running_master master{"serve", {{"goods", 2}}, supervision};
    ASSERT_TRUE(master.ready());
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.noted("goods/0 started", 2));
    master.signal(SIGTERM);
    EXPECT_EQ(master.wait(), 0);
}

TEST(roll, fills_a_slot_whose_worker_dies_during_the_roll) {
    supervision_settings supervision = quick();
    supervision.soak = milliseconds{500};
    running_master master{"serve", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    const pid_t old = master.worker_pids().front();
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.noted("goods/0 started", 2));
    kill(old, SIGKILL);
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    EXPECT_TRUE(eventually([&] { return master.worker_pids().size() == 1; }));
    EXPECT_TRUE(master.says(R"("generation":2)"));
}

TEST(roll, includes_slots_that_are_added_during_the_roll) {
    supervision_settings supervision = quick();
    supervision.soak = milliseconds{300};
    running_master master{"serve", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.noted("goods/0 started", 2));
    EXPECT_EQ(master.ask(R"({"command":"scale","pool":"goods","workers":2})"), R"({"ok":true})");
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    EXPECT_FALSE(contains(master.ask(status_command), R"("slot":1,"pid":null)"));
    EXPECT_TRUE(eventually([&] { return master.worker_pids().size() == 2; }));
    EXPECT_FALSE(contains(master.ask(status_command), R"("generation":1)"));
}

TEST(roll, does_not_change_the_program_of_a_drained_slot) {
    supervision_settings supervision = quick();
    supervision.soak = milliseconds{300};
    running_master master{"serve", {{"gateway", 1}, {"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    const std::string roll = R"({"command":"roll","pool":"gateway"})";
    EXPECT_EQ(master.ask(roll), R"({"ok":true,"roll":1})");
    ASSERT_TRUE(master.noted("gateway/0 started", 2)); // the next requests have to wait
    EXPECT_EQ(
        master.ask(R"({"command":"drain","pool":"goods","slot":0})"),
        R"({"ok":true,"roll":2})"
    );
    EXPECT_EQ(master.ask(roll), R"({"ok":true,"roll":2})");
    ASSERT_TRUE(master.says(R"("roll":{"id":2,"state":"done")")) << master.log();
    EXPECT_EQ(master.count("goods/0 started"), 2);
    EXPECT_TRUE(eventually([&] { return master.worker_pids().size() == 2; }));
    const std::string status = master.ask(status_command);
    EXPECT_TRUE(contains(status, R"("generation":1)")) << status;
    EXPECT_TRUE(contains(status, R"("generation":3)")) << status;
}

TEST(hup, does_not_change_the_program_of_any_pool) {
    running_master master{"serve", {{"gateway", 1}, {"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    const auto program_of = [&master](std::size_t index) {
        const auto pids = master.worker_pids();
        return pids.size() == 2
                   ? fs::read_symlink("/proc/" + std::to_string(pids[index]) + "/exe").string()
                   : "";
    };
    const std::string old = program_of(0);
    const fs::path fresh = master.program().string() + ".fresh";
    fs::copy_file(old, fresh);
    fs::remove(master.program());
    fs::create_symlink(fresh, master.program());
    EXPECT_EQ(master.ask(R"({"command":"roll","pool":"gateway"})"), R"({"ok":true,"roll":1})");
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    ASSERT_TRUE(eventually([&] { return program_of(0) == fresh && program_of(1) == old; }));
    master.touch("changed", "gateway goods");
    master.signal(SIGHUP);
    ASSERT_TRUE(master.says(R"("roll":{"id":2,"state":"done")")) << master.log();
    EXPECT_TRUE(eventually([&] { return program_of(0) == fresh && program_of(1) == old; }));
    EXPECT_EQ(master.ask(R"({"command":"scale","pool":"goods","workers":2})"), R"({"ok":true})");
    ASSERT_TRUE(master.says(R"("workers":2,"ready":2)"));
    const auto last = master.worker_pids().back();
    EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(last) + "/exe").string(), old);
}

TEST(scale, adds_and_removes_slots) {
    running_master master{"serve", {{"goods", 2}}, quick()};
    ASSERT_TRUE(master.ready());
    const auto before = master.worker_pids();
    EXPECT_EQ(master.ask(R"({"command":"scale","pool":"goods","workers":4})"), R"({"ok":true})");
    ASSERT_TRUE(master.says(R"("workers":4,"ready":4)"));
    EXPECT_EQ(master.ask(R"({"command":"scale","pool":"goods","workers":1})"), R"({"ok":true})");
    ASSERT_TRUE(eventually([&] { return master.worker_pids().size() == 1; }));
    EXPECT_EQ(master.worker_pids().front(), before.front());
    EXPECT_EQ(master.count("goods/1 DRAIN"), 1);
    EXPECT_EQ(master.count("goods/2 DRAIN"), 1);
    EXPECT_EQ(
        master.ask(R"({"command":"scale","pool":"goods","workers":0})"),
        R"({"error":"goods can have 1 to 1024 workers, not 0"})"
    );
}

TEST(scale, changes_by_one_on_ttin_and_ttou_and_keeps_at_least_one_worker) {
    running_master master{"serve", {{"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    master.signal(SIGTTIN);
    ASSERT_TRUE(master.says(R"("workers":2,"ready":2)"));
    master.signal(SIGTTOU);
    ASSERT_TRUE(master.says(R"("workers":1,"ready":1)"));
    master.signal(SIGTTOU);
    master.signal(SIGUSR1);
    ASSERT_TRUE(master.noted("goods/0 REOPEN"));
    EXPECT_TRUE(master.says(R"("workers":1,"ready":1)"));
}

TEST(drain, replaces_one_worker) {
    running_master master{"serve", {{"goods", 2}}, quick()};
    ASSERT_TRUE(master.ready());
    const auto before = master.worker_pids();
    EXPECT_EQ(
        master.ask(R"({"command":"drain","pool":"goods","slot":1})"),
        R"({"ok":true,"roll":1})"
    );
    ASSERT_TRUE(master.noted("goods/1 DRAIN"));
    EXPECT_TRUE(eventually([&] { return is_gone(before[1]); }));
    EXPECT_FALSE(is_gone(before[0]));
    EXPECT_EQ(
        master.ask(R"({"command":"drain","pool":"goods","slot":2})"),
        R"({"error":"goods has slots 0 to 1, not 2"})"
    );
}

TEST(hup, rolls_only_when_workers_are_affected) {
    running_master master{"serve", {{"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    master.signal(SIGHUP);
    master.signal(SIGUSR1);
    ASSERT_TRUE(master.noted("goods/0 REOPEN"));
    EXPECT_TRUE(contains(master.ask(status_command), R"("state":"idle")"));
    master.touch("changed", "goods");
    master.signal(SIGHUP);
    EXPECT_TRUE(master.says(R"("roll":{"id":1,"state":"done")"));
}

TEST(hup, rolls_only_the_pools_that_read_a_changed_key) {
    running_master master{"serve", {{"gateway", 1}, {"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    const auto before = master.worker_pids();
    ASSERT_EQ(before.size(), 2U);
    master.touch("changed", "gateway");
    master.signal(SIGHUP);
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    ASSERT_TRUE(eventually([&] { return is_gone(before[0]); }));
    EXPECT_FALSE(is_gone(before[1]));
    EXPECT_EQ(master.count("goods/0 started"), 1);
    // The pool that was not rolled does not count as one without the new configuration.
    master.forget("changed");
    master.signal(SIGHUP);
    master.signal(SIGUSR1);
    ASSERT_TRUE(master.noted("goods/0 REOPEN"));
    EXPECT_TRUE(contains(master.ask(status_command), R"("roll":{"id":1,"state":"done")"));
}

TEST(reload, is_a_command_that_reports_its_result) {
    running_master master{"serve", {{"gateway", 1}, {"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    master.touch("changed", "goods");
    EXPECT_EQ(master.ask(R"({"command":"reload"})"), R"({"ok":true})");
    EXPECT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    master.touch("bad");
    EXPECT_EQ(master.ask(R"({"command":"reload"})"), R"({"error":"a bad file"})");
}

TEST(hup, rolls_again_to_a_configuration_whose_roll_was_aborted) {
    running_master master{"serve", {{"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    master.next_workers("exit:3");
    master.touch("changed", "goods");
    master.signal(SIGHUP);
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"aborted")")) << master.log();
    master.forget("changed");
    master.next_workers("serve");
    master.signal(SIGHUP);
    ASSERT_TRUE(master.says(R"("roll":{"id":2,"state":"done")")) << master.log();
    master.signal(SIGHUP);
    master.signal(SIGUSR1);
    ASSERT_TRUE(master.noted("goods/0 REOPEN"));
    EXPECT_TRUE(contains(master.ask(status_command), R"("roll":{"id":2,"state":"done")"));
}

TEST(roll, is_aborted_by_a_new_worker_whose_event_loop_hangs_after_its_first_heartbeat) {
    supervision_settings supervision = quick();
    supervision.soak = milliseconds{100};
    supervision.heartbeat_every = milliseconds{20};
    supervision.heartbeat_timeout = std::chrono::seconds{3};
    running_master master{"serve", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    const pid_t old = master.worker_pids().front();
    master.next_workers("beat once");
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"aborted")")) << master.log();
    EXPECT_TRUE(contains(master.log(), "its event loop was blocked for")) << master.log();
    EXPECT_EQ(master.count("goods/0 DRAIN"), 0);
    EXPECT_FALSE(is_gone(old));
}

TEST(roll, ignores_a_handover_answer_for_a_removed_slot) {
    const running_master master{
        "slot 1 keep until drained",
        {{.name = "distributor", .workers = 2, .hands_over = true}},
        quick()};
    ASSERT_TRUE(master.ready());
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.noted("distributor/1 HAND_OVER")) << master.log();
    master.signal(SIGTTOU);
    ASSERT_TRUE(master.noted("distributor/1 DRAIN")) << master.log();
    EXPECT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    EXPECT_TRUE(eventually([&] { return master.worker_pids().size() == 1; }));
}

running_master one_that_hands_over(const std::string& behaviour) {
    supervision_settings supervision = quick();
    supervision.heartbeat_every = milliseconds{20};
    supervision.heartbeat_timeout = milliseconds{1000}; // a busy machine may stop a worker for 300
    return {behaviour, {{.name = "distributor", .hands_over = true}}, supervision};
}

TEST(hand_over, may_take_longer_than_the_heartbeat_timeout) {
    const running_master master = one_that_hands_over("hand over slowly");
    ASSERT_TRUE(master.ready());
    const pid_t old = master.worker_pids().front();
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    EXPECT_TRUE(eventually([old] { return is_gone(old); }));
    EXPECT_EQ(master.count("distributor/0 HAND_OVER"), 1);
    EXPECT_FALSE(contains(master.log(), "was blocked")) << master.log();
}

TEST(hand_over, that_is_refused_keeps_the_old_worker) {
    const running_master master = one_that_hands_over("keep");
    ASSERT_TRUE(master.ready());
    const auto before = master.worker_pids();
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"aborted")")) << master.log();
    EXPECT_TRUE(contains(master.ask(status_command), "it keeps what it has"));
    EXPECT_TRUE(eventually([&] { return master.worker_pids() == before; }));
    EXPECT_EQ(master.children(), before);
}

TEST(heartbeat, ends_a_worker_whose_event_loop_hangs) {
    supervision_settings supervision = quick();
    supervision.heartbeat_every = milliseconds{20};
    supervision.heartbeat_timeout = milliseconds{600};
    running_master master{"hang", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    EXPECT_TRUE(master.noted("goods/0 started", 2)) << master.log();
    EXPECT_TRUE(contains(master.log(), "its event loop was blocked for")) << master.log();
    EXPECT_TRUE(contains(master.log(), "sending ABRT"));
}

TEST(heartbeat, kills_a_stopped_worker_at_once) {
    supervision_settings supervision = quick();
    supervision.heartbeat_every = milliseconds{20};
    supervision.heartbeat_timeout = std::chrono::seconds{3};
    supervision.abort_grace = std::chrono::seconds{60};
    running_master master{"hang", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    const pid_t stopped = master.worker_pids().front();
    kill(stopped, SIGSTOP);
    EXPECT_TRUE(eventually([stopped] { return is_gone(stopped); }));
    EXPECT_TRUE(contains(master.log(), "stopped for")) << master.log();
}

} // namespace
} // namespace msd::process
