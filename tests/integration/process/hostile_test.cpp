// SPDX-License-Identifier: Apache-2.0
// A hostile worker costs itself and nothing else.
#include "integration/process/running_master.hpp"

#include <csignal>
#include <cstddef>
#include <gtest/gtest.h>
#include <string>

namespace msd::process {
namespace {

constexpr const char* status_of_all = R"({"command":"status"})";

supervision_settings observant() {
    supervision_settings made = impatient();
    made.soak = milliseconds{50};
    made.heartbeat_every = milliseconds{20};
    return made;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::ptrdiff_t descriptors_of_a_peaceful_master() {
    const running_master master{"serve", {{"gateway", 2}}, observant()};
    EXPECT_TRUE(master.ready()) << master.log();
    return master.open_descriptors();
}

TEST(hostile_worker, can_neither_damage_the_master_nor_add_a_line_to_its_answers) {
    running_master master{"slot 0 attack", {{"gateway", 2}}, observant()};
    ASSERT_TRUE(master.ready()) << master.log();
    ASSERT_TRUE(master.says(R"("stats":{"a": "\u202e"})")) << master.ask(status_of_all);
    EXPECT_EQ(master.open_descriptors(), descriptors_of_a_peaceful_master());
    kill(master.worker_pids().front(), SIGKILL);
    EXPECT_TRUE(master.says(R"("last_exit":"boom\\nMAINPID=1\\x1b[2J")")) << master.log();
    EXPECT_TRUE(has(master.log(), "boom\\nMAINPID=1\\x1b[2J")) << master.log();
    EXPECT_EQ(master.ask(R"({"command":"upgrade"})"), R"({"ok":true,"upgrade":1})");
    EXPECT_TRUE(master.says(R"("upgrade":{"id":1,"state":"done")")) << master.log();
    EXPECT_NE(master.connect("gateway"), "");
    master.signal(SIGTERM);
    EXPECT_EQ(master.wait(), 0) << master.log();
}

TEST(hostile_worker, is_replaced_when_it_floods_its_channel) {
    const running_master master{"slot 1 flood", {{"gateway", 2}}, observant()};
    ASSERT_TRUE(master.ready()) << master.log();
    ASSERT_TRUE(master.says("it sent more than 1000 messages within a second")) << master.log();
    EXPECT_EQ(master.count("gateway/0 started"), 1);
}

TEST(hostile_worker, is_replaced_when_it_hangs_whatever_heartbeat_it_wrote) {
    supervision_settings supervision = observant();
    supervision.heartbeat_timeout = milliseconds{300};
    const running_master master{"slot 1 lie and hang", {{"gateway", 2}}, supervision};
    ASSERT_TRUE(master.ready()) << master.log();
    EXPECT_TRUE(master.says("its event loop was blocked for")) << master.log();
}

TEST(hostile_worker, cannot_empty_its_slot_by_contradictory_answers_to_a_handover) {
    const running_master master{
        "betray",
        {{.name = "distributor", .hands_over = true}},
        observant()};
    ASSERT_TRUE(master.ready()) << master.log();
    const pid_t old = master.worker_pids().front();
    master.next_workers("serve");
    master.signal(SIGUSR2);
    ASSERT_TRUE(master.says(R"("roll":{"id":1,"state":"done")")) << master.log();
    EXPECT_TRUE(eventually([old] { return is_gone(old); })) << master.log();
    EXPECT_NE(master.connect("distributor"), "");
}

} // namespace
} // namespace msd::process
