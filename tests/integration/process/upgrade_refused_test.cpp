// SPDX-License-Identifier: Apache-2.0
#include "integration/process/running_master.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

namespace msd::process {
namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

struct refusal {
    const char* name;
    void (*prepare)(const running_master&);
    const char* reason;
};

class refused_upgrade : public testing::TestWithParam<refusal> {};

TEST_P(refused_upgrade, changes_nothing_and_reports_the_reason) {
    supervision_settings supervision = impatient();
    supervision.upgrade_timeout = std::chrono::seconds{60};
    if (std::string_view{GetParam().name} == "hangs") {
        supervision.upgrade_timeout = milliseconds{200};
    }
    running_master master{"serve", {{"goods", 2}}, supervision};
    ASSERT_TRUE(master.ready());
    const auto pids = master.worker_pids();
    const auto descriptors = master.open_descriptors();
    const auto inheritable = master.inheritable_descriptors().size();
    GetParam().prepare(master);
    EXPECT_EQ(master.ask(R"({"command":"upgrade"})"), R"({"ok":true,"upgrade":1})");
    ASSERT_TRUE(master.says(R"("upgrade":{"id":1,"state":"refused")")) << master.log();
    const std::string status = master.ask(R"({"command":"status"})");
    EXPECT_TRUE(contains(status, GetParam().reason)) << status;
    EXPECT_TRUE(contains(status, R"("state":"ready")")) << status;
    EXPECT_EQ(master.worker_pids(), pids);
    EXPECT_TRUE(eventually([&] { return master.children().size() == pids.size(); }));
    EXPECT_TRUE(eventually([&] { return master.open_descriptors() <= descriptors; }));
    EXPECT_LE(master.inheritable_descriptors().size(), inheritable);
    // The old master still works.
    kill(pids.front(), SIGKILL);
    EXPECT_TRUE(master.says(R"("restarts":1,"last_exit":"signal 9)"));
    EXPECT_TRUE(master.says(R"("workers":2,"ready":2)"));
}

void put(const running_master& master, const std::string& text, fs::perms mode) {
    fs::remove(master.program());
    std::ofstream{master.program()} << text;
    fs::permissions(master.program(), mode);
}

void link_to(const running_master& master, const char* program) {
    fs::remove(master.program());
    fs::create_symlink(program, master.program());
}

// A program that cannot be executed any more after it has answered yes. It is a copy, because its
// mode is changed.
void vanish(const running_master& master) {
    const fs::path tests = fs::read_symlink(master.program());
    fs::remove(master.program());
    fs::copy_file(tests, master.program());
    master.next_answer("vanish");
}

INSTANTIATE_TEST_SUITE_P(
    upgrade,
    refused_upgrade,
    testing::Values(
        refusal{"says_no", [](const auto& m) { m.next_answer("exit:3"); }, "program: because of 3"},
        refusal{
            "crashes",
            [](const auto& m) { m.next_answer("abort"); },
            "it did not answer whether it can take over: signal 6 (Aborted)"},
        refusal{
            "says_nothing",
            [](const auto& m) { m.next_answer("silent"); },
            "it did not answer whether it can take over: exit code 0"},
        refusal{
            "hangs",
            [](const auto& m) { m.next_answer("hang"); },
            "it did not answer within 2"},
        refusal{
            "is_something_else",
            [](const auto& m) { link_to(m, "/bin/true"); },
            "it did not answer whether it can take over: exit code 0, "},
        refusal{
            "is_no_program",
            [](const auto& m) { put(m, "hello", fs::perms{0755}); },
            "it cannot be executed: Exec format error"},
        refusal{
            "is_a_script",
            [](const auto& m) { put(m, "#!/bin/sh\nexit 0\n", fs::perms{0755}); },
            "it cannot be executed: it is a script"},
        refusal{
            "may_not_be_executed",
            [](const auto& m) { put(m, "hello", fs::perms{0644}); },
            "it cannot be executed: Permission denied"},
        refusal{
            "is_a_directory",
            [](const auto& m) { link_to(m, "/"); },
            "it cannot be executed: Permission denied"},
        refusal{
            "is_not_there",
            [](const auto& m) { link_to(m, "/no/such/program"); },
            "program: No such file or directory"},
        refusal{"vanishes_after_its_yes", vanish, "it cannot be executed: Permission denied"}
    ),
    [](const auto& each) { return each.param.name; }
);

} // namespace
} // namespace msd::process
