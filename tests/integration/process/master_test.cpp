// SPDX-License-Identifier: Apache-2.0
#include "integration/process/running_master.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <vector>

namespace msd::process {
namespace {

using testing::Test;

// The position of a note in the notes; the end when it is missing.
std::ptrdiff_t place(const std::vector<std::string>& notes, const std::string& note) {
    return std::distance(notes.begin(), std::find(notes.begin(), notes.end(), note));
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(master, announces_each_pool_once_and_then_all) {
    running_master master{"serve", {{"gateway", 2}, {"goods", 1}}};
    ASSERT_TRUE(master.ready()) << master.log();
    const auto notes = master.notes();
    EXPECT_EQ(master.count("master announces gateway"), 1);
    EXPECT_EQ(master.count("master announces goods"), 1);
    EXPECT_EQ(notes.back(), "master announces all");
    EXPECT_EQ(master.count("gateway/0 started"), 1);
    EXPECT_EQ(master.count("gateway/1 started"), 1);
    EXPECT_EQ(master.count("goods/0 started"), 1);
}

TEST(master, passes_its_sockets_to_the_workers) {
    running_master master{"serve", {{"goods", 2}}};
    ASSERT_TRUE(master.ready());
    const auto pids = master.worker_pids();
    const std::string answer = master.connect("goods");
    EXPECT_TRUE(std::any_of(pids.begin(), pids.end(), [&answer](pid_t pid) {
        return answer == std::to_string(pid);
    })) << answer;
}

TEST(master, replaces_a_killed_worker_without_refusing_connections) {
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    const pid_t first = master.worker_pids().front();
    kill(first, SIGKILL);
    // The master holds the socket open, so this connection waits in it for the next worker.
    const std::string answer = master.connect("goods");
    EXPECT_NE(answer, "");
    EXPECT_NE(answer, std::to_string(first));
    const std::string status = master.ask(R"({"command":"status"})");
    EXPECT_TRUE(contains(status, R"~("restarts":1,"last_exit":"signal 9 (Killed)")~")) << status;
}

TEST(master, announces_a_pool_only_the_first_time_it_is_ready) {
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    kill(master.worker_pids().front(), SIGKILL);
    ASSERT_TRUE(master.noted("goods/0 started", 2));
    EXPECT_NE(master.connect("goods"), "");
    EXPECT_EQ(master.count("master announces goods"), 1);
    EXPECT_EQ(master.count("master announces all"), 1);
}

TEST(master, keeps_neither_zombies_nor_descriptors_of_dead_workers) {
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    const auto before = master.open_descriptors();
    for (int death = 1; death <= 10; ++death) {
        const pid_t pid = master.worker_pids().front();
        kill(pid, SIGKILL);
        ASSERT_TRUE(eventually([&master, pid] {
            const auto pids = master.worker_pids();
            return pids.size() == 1 && pids.front() != pid;
        }));
        EXPECT_TRUE(eventually([pid] {
            return !std::filesystem::exists("/proc/" + std::to_string(pid));
        }));
    }
    EXPECT_TRUE(eventually([&] { return master.open_descriptors() == before; }));
}

TEST(master, passes_its_workers_no_descriptors_of_its_own) {
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    const std::string all = "/proc/" + std::to_string(master.worker_pids().front()) + "/fd";
    for (const auto& each : std::filesystem::directory_iterator{all}) {
        std::error_code ignored;
        const std::string file = std::filesystem::read_symlink(each, ignored);
        EXPECT_FALSE(file.ends_with("/log")) << file; // would keep a rotated log file allocated
    }
}

TEST(master, gives_up_with_the_last_reason_when_no_worker_ever_gets_ready) {
    running_master master{"exit:3", {{"goods", 2}}};
    EXPECT_EQ(master.wait(), 70);
    EXPECT_TRUE(contains(master.log(), "goods never got ready, 10 attempts failed: because of 3"))
        << master.log();
    // Ten failures, and possibly a worker that was started in the other slot at the same moment.
    const auto starts = master.count("goods/0 started") + master.count("goods/1 started");
    EXPECT_GE(starts, 10);
    EXPECT_LE(starts, 11);
}

TEST(master, does_not_retry_configuration_errors) {
    running_master master{"exit:78", {{"goods", 3}}};
    EXPECT_EQ(master.wait(), 78);
    EXPECT_TRUE(contains(master.log(), "goods cannot start: because of 78")) << master.log();
    EXPECT_EQ(master.count("goods/0 started"), 1);
    EXPECT_EQ(master.count("goods/1 started"), 1);
    EXPECT_EQ(master.count("goods/2 started"), 1);
}

TEST(master, never_gives_up_once_a_worker_was_ready) {
    running_master master{"abort", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    EXPECT_TRUE(master.noted("goods/0 started", 15)) << master.log();
    EXPECT_FALSE(is_gone(master.pid()));
}

TEST(master, retries_configuration_errors_once_a_worker_was_ready) {
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    master.next_workers("serve");
    EXPECT_EQ(master.ask(R"({"command":"roll"})"), R"({"ok":true,"roll":1})");
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    ASSERT_TRUE(eventually([&] { return master.worker_pids().size() == 1; })
    ); // the old worker has exited
    master.next_workers("exit:78");
    kill(master.worker_pids().front(), SIGKILL);
    ASSERT_TRUE(master.noted("goods/0 started", 6)) << master.log();
    EXPECT_TRUE(contains(master.ask(R"({"command":"status"})"), R"("state":"degraded")"));
    master.next_workers("serve");
    EXPECT_TRUE(master.says(R"("workers":1,"ready":1)")) << master.log();
}

TEST(master, retries_a_slot_with_a_configuration_error_when_another_slot_gets_ready) {
    running_master master{"slot 1 exit:78", {{"goods", 2}}};
    EXPECT_TRUE(master.noted("goods/1 started", 3)) << master.log();
    EXPECT_FALSE(is_gone(master.pid()));
}

TEST(master, kills_a_worker_that_never_gets_ready) {
    supervision_settings supervision = impatient();
    supervision.start_timeout = milliseconds{50};
    running_master master{"mute", {{"goods", 1}}, supervision};
    EXPECT_EQ(master.wait(), 70);
    EXPECT_TRUE(contains(master.log(), "is still starting, sending KILL")) << master.log();
}

TEST(master, drains_pools_in_the_order_of_their_ranks) {
    running_master master{
        "serve",
        {{"distributor", 1, 3}, {"gateway", 2, 0}, {"logs", 1, 2}, {"goods", 1, 1}}};
    ASSERT_TRUE(master.ready());
    master.signal(SIGTERM);
    EXPECT_EQ(master.wait(), 0);
    const auto notes = master.notes();
    const auto gateway = std::max(place(notes, "gateway/0 DRAIN"), place(notes, "gateway/1 DRAIN"));
    EXPECT_LT(gateway, place(notes, "goods/0 DRAIN"));
    EXPECT_LT(place(notes, "goods/0 DRAIN"), place(notes, "logs/0 DRAIN"));
    EXPECT_LT(place(notes, "logs/0 DRAIN"), place(notes, "distributor/0 DRAIN"));
    EXPECT_LT(place(notes, "distributor/0 DRAIN"), std::ssize(notes));
}

TEST(master, starts_a_pool_when_the_pools_of_higher_ranks_are_ready) {
    running_master master{
        "serve",
        {{"distributor", 1, 3}, {"gateway", 2, 0}, {"logs", 1, 2}, {"goods", 2, 1}}};
    ASSERT_TRUE(master.ready());
    const auto notes = master.notes();
    const auto first_of = [&notes](const std::string& pool, const std::string& what) {
        return std::min(place(notes, pool + "/0 " + what), place(notes, pool + "/1 " + what));
    };
    EXPECT_LT(place(notes, "distributor/0 ready"), place(notes, "logs/0 started"));
    EXPECT_LT(place(notes, "logs/0 ready"), first_of("goods", "started"));
    EXPECT_LT(first_of("goods", "ready"), first_of("gateway", "started"));
}

TEST(master, drains_on_quit_as_on_term) {
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    master.signal(SIGQUIT);
    EXPECT_EQ(master.wait(), 0);
    EXPECT_EQ(master.count("goods/0 DRAIN"), 1);
}

TEST(master, terminates_a_worker_that_drains_too_long) {
    supervision_settings supervision = impatient();
    supervision.drain_timeout = milliseconds{50};
    supervision.stop_timeout = std::chrono::seconds{60};
    running_master master{"linger", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    master.signal(SIGTERM);
    EXPECT_EQ(master.wait(), 0);
    EXPECT_EQ(master.count("goods/0 terminated"), 1);
}

TEST(master, kills_a_worker_that_ignores_all_commands) {
    supervision_settings supervision = impatient();
    supervision.drain_timeout = milliseconds{50};
    running_master master{"hang", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    master.signal(SIGTERM);
    EXPECT_EQ(master.wait(), 0);
    EXPECT_TRUE(contains(master.log(), "is still draining, sending TERM")) << master.log();
    EXPECT_TRUE(contains(master.log(), "is still draining, sending KILL")) << master.log();
}

TEST(master, when_killed_leaves_no_worker_that_ignores_all_commands) {
    running_master master{"hang", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    const auto pids = master.worker_pids();
    ASSERT_EQ(pids.size(), 1U);
    master.signal(SIGKILL);
    EXPECT_EQ(master.wait(), -SIGKILL);
    EXPECT_TRUE(eventually([&pids] { return is_gone(pids.front()); }));
}

TEST(master, stops_at_once_on_int_with_exit_code_0) {
    supervision_settings supervision = impatient();
    supervision.stop_timeout = std::chrono::seconds{60};
    running_master master{"serve", {{"gateway", 2, 0}, {"goods", 1, 1}}, supervision};
    ASSERT_TRUE(master.ready());
    master.signal(SIGINT);
    EXPECT_EQ(master.wait(), 0);
    EXPECT_EQ(master.count("gateway/0 STOP"), 1);
    EXPECT_EQ(master.count("gateway/1 STOP"), 1);
    EXPECT_EQ(master.count("goods/0 STOP"), 1);
}

TEST(master, kills_workers_that_do_not_stop_on_int) {
    running_master master{"hang", {{"gateway", 1, 0}, {"goods", 1, 1}}};
    ASSERT_TRUE(master.ready());
    const auto pids = master.worker_pids();
    master.signal(SIGINT);
    EXPECT_EQ(master.wait(), 0);
    EXPECT_EQ(pids.size(), 2U);
    EXPECT_TRUE(std::all_of(pids.begin(), pids.end(), is_gone));
}

TEST(master, turns_a_second_term_into_a_fast_stop) {
    supervision_settings supervision = impatient();
    supervision.stop_timeout = std::chrono::seconds{60};
    running_master master{"linger", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    master.signal(SIGTERM);
    ASSERT_TRUE(master.noted("goods/0 DRAIN"));
    master.signal(SIGTERM);
    EXPECT_EQ(master.wait(), 0);
    EXPECT_EQ(master.count("goods/0 STOP"), 1);
}

TEST(master, does_not_replace_workers_while_it_stops) {
    running_master master{"linger", {{"goods", 2}}};
    ASSERT_TRUE(master.ready());
    const auto pids = master.worker_pids();
    master.signal(SIGTERM);
    ASSERT_TRUE(master.noted("goods/0 DRAIN"));
    ASSERT_TRUE(master.noted("goods/1 DRAIN"));
    kill(pids[0], SIGKILL);
    kill(pids[1], SIGKILL);
    EXPECT_EQ(master.wait(), 0);
    EXPECT_EQ(master.count("goods/0 started"), 1);
    EXPECT_EQ(master.count("goods/1 started"), 1);
}

TEST(master, does_not_replace_workers_of_later_ranks_that_a_signal_to_the_group_has_ended) {
    running_master master{"linger", {{"gateway", 1, 0}, {"goods", 1, 1}}};
    ASSERT_TRUE(master.ready());
    const auto pids = master.worker_pids();
    master.signal(SIGTERM);
    ASSERT_TRUE(master.noted("gateway/0 DRAIN"));
    kill(pids.back(), SIGTERM);
    ASSERT_TRUE(master.noted("goods/0 terminated"));
    ASSERT_TRUE(eventually([&master] { return master.worker_pids().size() == 1; }));
    kill(pids.front(), SIGTERM);
    EXPECT_EQ(master.wait(), 0);
    EXPECT_EQ(master.count("goods/0 started"), 1);
}

TEST(master, replaces_a_crashed_worker_of_a_later_rank_while_it_stops) {
    running_master master{"linger", {{"gateway", 1, 0}, {"goods", 1, 1}}};
    ASSERT_TRUE(master.ready());
    const auto pids = master.worker_pids();
    master.signal(SIGTERM);
    ASSERT_TRUE(master.noted("gateway/0 DRAIN"));
    kill(pids.back(), SIGKILL);
    EXPECT_TRUE(master.noted("goods/0 started", 2));
}

TEST(master, stops_while_its_workers_are_still_starting) {
    supervision_settings supervision = impatient();
    supervision.stop_timeout = std::chrono::seconds{60};
    running_master master{"mute", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.noted("goods/0 started"));
    master.signal(SIGTERM);
    EXPECT_EQ(master.wait(), 0);
    EXPECT_EQ(master.count("goods/0 STOP"), 1);
}

TEST(master, refuses_connections_once_it_stops) {
    running_master master{"hang", {{"gateway", 1, 0}, {"goods", 1, 1}}};
    ASSERT_TRUE(master.ready());
    master.signal(SIGINT);
    [[maybe_unused]] const int code = master.wait();
    EXPECT_EQ(master.connect("gateway"), "");
}

TEST(master, survives_all_other_signals) {
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    for (const int number : {SIGHUP, SIGUSR1, SIGWINCH, SIGPIPE}) {
        master.signal(number);
    }
    ASSERT_TRUE(master.noted("goods/0 REOPEN"));
    const auto pids = master.worker_pids();
    EXPECT_EQ(pids.size(), 1U);
    EXPECT_EQ(master.count("goods/0 started"), 1);
}

TEST(master, keeps_its_configuration_when_the_new_one_is_wrong) {
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    master.touch("bad");
    master.signal(SIGHUP);
    EXPECT_TRUE(eventually([&] {
        return contains(master.log(), "the configuration stays as it was: a bad file");
    })) << master.log();
}

TEST(master, when_killed_leaves_no_workers) {
    running_master master{"serve", {{"gateway", 2}, {"goods", 1}}};
    ASSERT_TRUE(master.ready());
    const auto pids = master.worker_pids();
    ASSERT_EQ(pids.size(), 3U);
    master.signal(SIGKILL);
    EXPECT_EQ(master.wait(), -SIGKILL);
    EXPECT_TRUE(eventually([&pids] { return std::all_of(pids.begin(), pids.end(), is_gone); }));
}

TEST(master, when_killed_is_noticed_by_its_workers_through_the_channel) {
    // The signal at the death of the parent would end the worker, too. The note shows the cause.
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    master.signal(SIGKILL);
    EXPECT_EQ(master.wait(), -SIGKILL);
    EXPECT_TRUE(eventually([&] {
        return master.count("goods/0 orphaned") + master.count("goods/0 terminated") == 1;
    }));
}

TEST(master, reports_its_status) {
    running_master master{"serve", {{"goods", 2}}};
    ASSERT_TRUE(master.ready());
    const std::string status = master.ask(R"({"command":"status"})");
    EXPECT_TRUE(contains(status, R"("state":"ready")")) << status;
    EXPECT_TRUE(contains(status, R"("name":"goods","state":"ready","host":"127.0.0.1")")) << status;
    EXPECT_TRUE(contains(status, R"("workers":2,"ready":2)")) << status;
    EXPECT_TRUE(contains(status, R"("last_exit":null)")) << status;
}

TEST(master, reports_what_is_wrong_with_a_command) {
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    EXPECT_EQ(master.ask("hello"), R"({"error":"a command is one JSON object on one line"})");
    const std::string known =
        "the commands are: status, roll, scale, drain, upgrade, reload, reopen, fault, explain, "
        R"(metrics, stop"})";
    EXPECT_EQ(master.ask("{}"), R"({"error":"unknown command ''; )" + known);
    EXPECT_EQ(
        master.ask(R"({"command":"dance"})"),
        R"({"error":"unknown command 'dance'; )" + known
    );
}

} // namespace
} // namespace msd::process
