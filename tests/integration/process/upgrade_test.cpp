// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.hpp"
#include "integration/process/running_master.hpp"
#include "process/pid_file.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace msd::process {
namespace {

namespace fs = std::filesystem;

constexpr const char* status_command = R"({"command":"status"})";
constexpr const char* upgrade_command = R"({"command":"upgrade"})";

supervision_settings quick() {
    supervision_settings made = impatient();
    made.soak = milliseconds{50};
    return made;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string accepted(int number) {
    return R"({"ok":true,"upgrade":)" + std::to_string(number) + "}";
}

std::string ended(int number, const std::string& state) {
    return R"("upgrade":{"id":)" + std::to_string(number) + R"(,"state":")" + state + '"';
}

void upgrade(const running_master& master, int number) {
    ASSERT_EQ(master.ask(upgrade_command), accepted(number));
    ASSERT_TRUE(master.says(ended(number, "done"))) << master.log();
}

TEST(upgrade, keeps_pid_workers_sockets_and_history) {
    running_master master{"serve", {{"gateway", 2}, {"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    EXPECT_EQ(master.ask(R"({"command":"roll","pool":"goods"})"), R"({"ok":true,"roll":1})");
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")"));
    ASSERT_TRUE(eventually([&] { return master.worker_pids().size() == 3; }));
    const auto before = master.worker_pids();
    upgrade(master, 1);
    EXPECT_EQ(master.worker_pids(), before);
    EXPECT_TRUE(contains(master.log(), "upgrade 1 done: version")) << master.log();
    const std::string status = master.ask(status_command);
    EXPECT_TRUE(contains(status, R"("pid":)" + std::to_string(master.pid()) + ",")) << status;
    EXPECT_TRUE(contains(status, R"("state":"ready")")) << status;
    EXPECT_TRUE(contains(status, R"("roll":{"id":1,"state":"done")")) << status;
    EXPECT_TRUE(contains(status, R"("generation":2)")) << status;
    EXPECT_EQ(master.connect("goods"), std::to_string(before.back()));
    EXPECT_EQ(master.count("master announces all"), 1);
    EXPECT_EQ(master.count("master announces goods"), 1);
    EXPECT_TRUE(master.inheritable_descriptors().empty())
        << master.inheritable_descriptors().front();
}

TEST(upgrade, leaves_a_master_that_handles_all_commands) {
    running_master master{"serve", {{"goods", 2}}, quick()};
    ASSERT_TRUE(master.ready());
    upgrade(master, 1);
    const auto before = master.worker_pids();
    kill(before.front(), SIGKILL);
    ASSERT_TRUE(master.says(R"~("restarts":1,"last_exit":"signal 9 (Killed)")~"));
    EXPECT_EQ(master.ask(R"({"command":"scale","pool":"goods","workers":3})"), R"({"ok":true})");
    ASSERT_TRUE(master.says(R"("workers":3,"ready":3)"));
    EXPECT_EQ(master.ask(R"({"command":"roll"})"), R"({"ok":true,"roll":1})");
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    EXPECT_TRUE(contains(master.ask(status_command), R"("generation":2)"));
    master.signal(SIGUSR1);
    EXPECT_TRUE(master.noted("goods/0 REOPEN"));
    master.signal(SIGTERM);
    EXPECT_EQ(master.wait(), 0);
}

TEST(upgrade, keeps_the_pid_file_locked) {
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    upgrade(master, 1);
    const fs::path file = master.socket().parent_path() / "pid";
    const auto second = pid_file::claim(file);
    ASSERT_FALSE(second);
    EXPECT_TRUE(contains(second.error().text, std::to_string(master.pid()))) << second.error().text;
    master.signal(SIGTERM);
    EXPECT_EQ(master.wait(), 0);
    EXPECT_FALSE(fs::exists(master.socket()));
}

TEST(upgrade, twenty_times_loses_no_connection_and_no_descriptor) {
    running_master master{"serve", {{"goods", 2}}, quick()};
    ASSERT_TRUE(master.ready());
    upgrade(master, 1);
    const auto before = master.open_descriptors();
    const auto pids = master.worker_pids();
    std::atomic<bool> over{false};
    std::atomic<int> answered{0};
    std::atomic<int> failed{0};
    std::thread client{[&] {
        while (!over) {
            ++(master.connect("goods").empty() ? failed : answered);
        }
    }};
    for (int number = 2; number <= 21; ++number) {
        upgrade(master, number);
        const int seen = answered;
        EXPECT_TRUE(eventually([&] { return answered > seen; }));
    }
    over = true;
    client.join();
    EXPECT_EQ(failed, 0);
    EXPECT_GE(answered, 20);
    EXPECT_TRUE(eventually([&] { return master.open_descriptors() <= before; }));
    EXPECT_EQ(master.worker_pids(), pids);
    EXPECT_EQ(master.children().size(), pids.size());
}

TEST(upgrade, replaces_workers_that_die_during_the_upgrade) {
    running_master master{"serve", {{"goods", 2}}, quick()};
    ASSERT_TRUE(master.ready());
    for (int number = 1; number <= 10; ++number) {
        const auto pids = master.worker_pids();
        ASSERT_EQ(pids.size(), 2U);
        // The master notices the death as often after the exec as before it.
        const pid_t victim = pids[static_cast<std::size_t>(number % 2)];
        std::thread killer{[victim] {
            kill(victim, SIGKILL);
        }};
        EXPECT_EQ(master.ask(upgrade_command), accepted(number));
        killer.join();
        ASSERT_TRUE(master.says(ended(number, "done"))) << master.log();
        ASSERT_TRUE(eventually([&] {
            const auto now = master.worker_pids();
            return now.size() == 2 && std::find(now.begin(), now.end(), victim) == now.end();
        }));
        EXPECT_TRUE(eventually([&] { return !fs::exists("/proc/" + std::to_string(victim)); }));
        EXPECT_TRUE(master.says(R"("workers":2,"ready":2)"));
    }
}

TEST(upgrade, notices_a_worker_that_dies_at_the_time_of_the_command) {
    running_master master{"serve", {{"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    const pid_t victim = master.worker_pids().front();
    master.signal(SIGSTOP);
    kill(victim, SIGKILL);
    const unique_fd client = master.connect_to_control();
    const std::string line = std::string{upgrade_command} + "\n";
    ASSERT_EQ(send(client.get(), line.data(), line.size(), MSG_NOSIGNAL), std::ssize(line));
    master.signal(SIGCONT);
    ASSERT_TRUE(master.says(ended(1, "done"))) << master.log();
    EXPECT_TRUE(master.says(R"("restarts":1)"));
    EXPECT_NE(master.connect("goods"), "");
}

TEST(upgrade, keeps_answering_clients_of_the_control_socket) {
    running_master master{"serve", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    const unique_fd client = master.connect_to_control();
    ASSERT_EQ(send(client.get(), "da", 2, MSG_NOSIGNAL), 2);
    upgrade(master, 1);
    ASSERT_EQ(send(client.get(), "nce\n", 4, MSG_NOSIGNAL), 4);
    std::array<char, 256> text{};
    const ssize_t got = recv(client.get(), text.data(), text.size(), 0);
    EXPECT_EQ(
        std::string(text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))),
        "{\"error\":\"a command is one JSON object on one line\"}\n"
    );
}

TEST(upgrade, keeps_serving_while_the_new_program_hangs) {
    supervision_settings supervision = quick();
    supervision.upgrade_timeout = std::chrono::seconds{60};
    running_master master{"serve", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    master.next_answer("hang");
    EXPECT_EQ(master.ask(upgrade_command), accepted(1));
    ASSERT_TRUE(master.says(ended(1, "checking")));
    kill(master.worker_pids().front(), SIGKILL);
    EXPECT_TRUE(master.says(R"("restarts":1)"));
    EXPECT_EQ(master.ask(upgrade_command), accepted(1)); // the upgrade in progress
    master.signal(SIGTERM);
    EXPECT_EQ(master.wait(), 0);
    EXPECT_TRUE(contains(master.log(), "upgrade 1 refused: the instance stops")) << master.log();
}

TEST(upgrade, is_refused_by_an_instance_that_stops) {
    running_master master{"linger", {{"goods", 1}}};
    ASSERT_TRUE(master.ready());
    master.signal(SIGTERM);
    ASSERT_TRUE(master.noted("goods/0 DRAIN"));
    EXPECT_EQ(master.ask(upgrade_command), R"({"error":"the instance is stopping"})");
}

TEST(upgrade, waits_for_a_roll_and_the_next_roll_waits_for_it) {
    supervision_settings supervision = quick();
    supervision.soak = milliseconds{300};
    running_master master{"serve", {{"goods", 2}}, supervision};
    ASSERT_TRUE(master.ready());
    EXPECT_EQ(master.ask(R"({"command":"roll"})"), R"({"ok":true,"roll":1})");
    ASSERT_TRUE(master.noted("goods/0 started", 2));
    EXPECT_EQ(master.ask(upgrade_command), accepted(1));
    EXPECT_EQ(master.ask(R"({"command":"roll","pool":"goods"})"), R"({"ok":true,"roll":2})");
    EXPECT_TRUE(contains(master.ask(status_command), ended(1, "waiting")));
    ASSERT_TRUE(master.says(ended(1, "done"))) << master.log();
    ASSERT_TRUE(master.says(R"("roll":{"id":2,"state":"done")")) << master.log();
    const std::string log = master.log();
    EXPECT_LT(log.find("roll 1 done"), log.find("upgrade 1 done")) << log;
    EXPECT_LT(log.find("upgrade 1 done"), log.find("roll 2: 2 workers")) << log;
    EXPECT_EQ(master.count("goods/0 started"), 3);
    EXPECT_TRUE(master.says(R"("previous":{"id":1,"state":"done")"));
}

TEST(upgrade, that_is_refused_releases_the_waiting_roll) {
    running_master master{"serve", {{"goods", 1}}, quick()};
    ASSERT_TRUE(master.ready());
    master.next_answer("hang");
    EXPECT_EQ(master.ask(upgrade_command), accepted(1));
    EXPECT_EQ(master.ask(R"({"command":"roll"})"), R"({"ok":true,"roll":1})");
    master.next_answer("exit:3");
    master.signal(SIGHUP); // the new program is asked again
    ASSERT_TRUE(master.says(ended(1, "refused"))) << master.log();
    EXPECT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
}

TEST(upgrade, asks_the_new_program_again_when_the_configuration_changes) {
    supervision_settings supervision = quick();
    supervision.upgrade_timeout = std::chrono::seconds{60};
    running_master master{"serve", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    master.next_answer("hang");
    EXPECT_EQ(master.ask(upgrade_command), accepted(1));
    ASSERT_TRUE(master.says(ended(1, "checking")));
    master.next_answer("");
    master.signal(SIGHUP);
    EXPECT_TRUE(master.says(ended(1, "done"))) << master.log();
}

TEST(upgrade, keeps_the_pause_before_an_early_dead_worker_is_replaced) {
    supervision_settings supervision = quick();
    supervision.restart.early = std::chrono::minutes{10};
    supervision.restart.backoff_first = std::chrono::minutes{10};
    supervision.restart.backoff_max = std::chrono::minutes{10};
    running_master master{"serve", {{"goods", 2}}, supervision};
    ASSERT_TRUE(master.ready());
    kill(master.worker_pids().back(), SIGKILL);
    ASSERT_TRUE(master.says(R"("slot":1,"pid":null,"state":"waiting","restarts":1)"));
    upgrade(master, 1);
    EXPECT_TRUE(master.says(R"("slot":1,"pid":null,"state":"waiting","restarts":1)"));
    EXPECT_TRUE(contains(master.ask(status_command), R"~("last_exit":"signal 9 (Killed)")~"));
    EXPECT_EQ(master.count("goods/1 started"), 1);
    EXPECT_TRUE(contains(master.ask(status_command), R"("state":"degraded")"));
}

TEST(upgrade, does_not_reset_the_count_of_failures) {
    supervision_settings supervision = quick();
    supervision.restart.backoff_first = milliseconds{150};
    supervision.restart.backoff_max = milliseconds{150};
    running_master master{"exit:3", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.noted("goods/0 started", 3));
    upgrade(master, 1);
    EXPECT_EQ(master.wait(), 70);
    EXPECT_EQ(master.count("goods/0 started"), 10);
}

TEST(upgrade, keeps_the_time_limit_of_draining_workers) {
    supervision_settings supervision = quick();
    supervision.drain_timeout = std::chrono::seconds{1};
    running_master master{"linger", {{"goods", 1}}, supervision};
    ASSERT_TRUE(master.ready());
    const pid_t old = master.worker_pids().front();
    master.next_workers("serve");
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    upgrade(master, 1);
    EXPECT_TRUE(eventually([old] { return is_gone(old); }));
    EXPECT_EQ(master.count("goods/0 terminated"), 1);
}

} // namespace
} // namespace msd::process
