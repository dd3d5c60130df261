// SPDX-License-Identifier: Apache-2.0
#include "process/master_state.hpp"

#include <fmt/format.h>

#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace msd::process {
namespace {

constexpr time_point at(std::int64_t ms) {
    return time_point{milliseconds{ms}};
}

worker_state worker(pid_t pid, int control, std::size_t line) {
    worker_state made;
    made.pid = pid;
    made.control = control;
    made.slot = line;
    made.plan = line;
    made.line = line;
    made.now_is = worker_process::phase::ready;
    made.started = at(5);
    made.ready_at = at(6);
    made.act_at = time_point::max();
    made.build = "1.2.3";
    made.end_reason = "said \"no\"\n";
    made.terminated = true;
    return made;
}

pool_state goods() {
    pool_state made;
    made.name = "goods";
    made.host = "127.0.0.1";
    made.port = 9010;
    made.listeners = {10, 11};
    made.announced = true;
    made.slots = {
        {0, 3, true, "signal 9 (Killed)", "", std::nullopt},
        {1, 0, false, "", "not ready after 1 ms", at(99)}};
    made.policy.slots = {{2, true, false, at(7)}, {0, false, true, {}}};
    made.policy.replacements = {at(1), at(1), at(4)};
    made.policy.start_failures = 4;
    made.policy.ever_ready = true;
    made.workers = {worker(100, 12, 0), worker(101, -1, 1)};
    made.workers.back().now_is = worker_process::phase::stopping;
    made.workers.back().handed_over = true;
    return made;
}

master_state complete() {
    master_state made;
    made.version = "1.2.3";
    made.pid = 99;
    made.command_line = {"/usr/bin/msd", "up", "", "--workers=2"};
    made.program = "/usr/bin/msd";
    made.started = at(1);
    made.looked_at = at(2);
    made.awake_since = at(3);
    made.announced = true;
    made.config = 20;
    made.pid_file = {21, "/run/msd/up-8000.pid"};
    made.control = {
        {22, "/run/msd/up-8000.sock"},
        {{23, at(10), std::string("\0\xFFhalf a", 8), ""}, {24, at(11), "", "half an answer\n"}}};
    made.board = {25, 1};
    made.plans = {
        {26, {"msd", "up"}, {{"goods", 9010}}, 1, 20},
        {27, {"msd", "up"}, {{"goods", 9010}}, 2, 28}};
    made.plan = 1;
    made.last_generation = 2;
    made.rolls.last_id = 8;
    made.rolls.last = {7, false, "goods/0: ended", 2};
    made.rolls.before_last = {6, true, "", 2};
    made.rolls.waiting = waiting_roll_state{8, 2, milliseconds{2000}, {"goods"}, {{"goods", 1}}};
    made.upgrade = 5;
    made.pools = {goods()};
    return made;
}

std::string refusal_of(const master_state& state) {
    const auto read = decode_master_state(encode(state));
    return read ? "accepted" : read.error().text;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
    const auto place = text.find(what);
    EXPECT_NE(place, std::string::npos) << what;
    return text.replace(place, what.size(), by);
}

std::string refusal_of(std::string_view what, std::string_view by) {
    const auto read = decode_master_state(replaced(encode(complete()), what, by));
    return read ? "accepted" : read.error().text;
}

TEST(master_state, survives_a_round_trip) {
    const auto read = decode_master_state(encode(complete()));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(*read, complete());
}

TEST(master_state, survives_a_round_trip_without_optional_parts) {
    master_state bare = complete();
    bare.config = -1;
    bare.pid_file = {};
    bare.control.clients.clear();
    bare.plans.front().config = -1;
    bare.rolls = {};
    bare.pools.front().workers.clear();
    bare.pools.front().listeners.clear();
    const auto read = decode_master_state(encode(bare));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(*read, bare);
}

TEST(master_state, lists_every_descriptor_once) {
    EXPECT_EQ(
        complete().descriptors(),
        (std::vector<int>{21, 22, 25, 23, 24, 10, 11, 12, 26, 27, 20, 28})
    );
}

TEST(master_state, is_refused_when_it_is_truncated_at_any_byte) {
    const std::string text = encode(complete());
    for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
        EXPECT_FALSE(decode_master_state(std::string_view{text}.substr(0, bytes))) << bytes;
    }
}

TEST(master_state, is_refused_or_differs_when_a_byte_is_changed) {
    const std::string text = encode(complete());
    for (std::size_t place = 0; place < text.size(); ++place) {
        for (const char other : {'\0', '"', '0', '9', ',', '{', ']', 'x', '\xFF'}) {
            std::string changed = text;
            changed[place] = other;
            if (const auto read = decode_master_state(changed)) {
                const auto again = decode_master_state(encode(*read));
                EXPECT_TRUE(again && *again == *read) << place << other;
            }
        }
    }
}

TEST(master_state, is_refused_when_any_field_is_missing) {
    for (const std::string_view name :
         {"version",     "pid",    "command_line", "looked_at", "config",  "pid_file",
          "descriptor",  "path",   "clients",      "until",     "unsent",  "memory",
          "layout",      "plans",  "generation",   "ports",     "waiting", "soak_ms",
          "before_last", "reason", "upgrade",      "host",      "slots",   "restarts",
          "start_at",    "policy", "ever_ready",   "line",      "phase",   "handed_over"}) {
        const std::string text =
            replaced(encode(complete()), fmt::format("\"{}\":", name), "\"other\":");
        const auto read = decode_master_state(text);
        ASSERT_FALSE(read) << name;
        EXPECT_TRUE(read.error().text.ends_with(fmt::format("{} is missing", name)))
            << read.error().text;
    }
}

TEST(master_state, names_the_field_with_an_unusable_value) {
    EXPECT_EQ(refusal_of("\"pid\":100", "\"pid\":1"), "pools.workers.pid is unusable");
    EXPECT_EQ(refusal_of("\"pid\":100", "\"pid\":2147483648"), "pools.workers.pid is unusable");
    EXPECT_EQ(refusal_of("\"control\":12", "\"control\":2"), "pools.workers.control is unusable");
    EXPECT_EQ(refusal_of("[10,11]", "[10,0]"), "pools.listeners is unusable");
    EXPECT_EQ(refusal_of("[10,11]", "{}"), "pools.listeners is unusable");
    EXPECT_EQ(refusal_of("\"port\":9010", "\"port\":65536"), "pools.port is unusable");
    EXPECT_EQ(refusal_of("\"goods\":9010", "\"goods\":0"), "plans.ports is unusable");
    EXPECT_EQ(refusal_of("\"phase\":1", "\"phase\":4"), "pools.workers.phase is unusable");
    EXPECT_EQ(refusal_of("\"what\":2", "\"what\":3"), "rolls.waiting.what is unusable");
    EXPECT_EQ(refusal_of("\"announced\":true", "\"announced\":1"), "announced is unusable");
    EXPECT_EQ(refusal_of("00ff", "00fg"), "control.clients.received is unusable");
    EXPECT_EQ(refusal_of("00ff", "00f"), "control.clients.received is unusable");
    EXPECT_EQ(refusal_of("\"--workers=2\"", R"("a\u0000b")"), "command_line is unusable");
    EXPECT_EQ(refusal_of("\"memory\":25", "\"memory\":null"), "board.memory is unusable");
}

TEST(master_state, refuses_unknown_and_repeated_fields) {
    EXPECT_NE(refusal_of("{\"format\"", "{\"more\":7,\"format\""), "accepted");
    EXPECT_NE(refusal_of("\"memory\":25", "\"memory\":25,\"memory\":26"), "accepted");
}

TEST(master_state, reports_another_format_with_its_own_message) {
    EXPECT_EQ(
        refusal_of("\"format\":1", "\"format\":2,\"news\":[]"),
        "the state has format 2, this program can take over format 1"
    );
    EXPECT_EQ(refusal_of("\"format\":1", "\"format\":\"1\""), "format is unusable");
}

TEST(master_state, refuses_references_to_missing_plans) {
    master_state wrong = complete();
    wrong.plan = 2;
    EXPECT_EQ(refusal_of(wrong), "no plan, command line or pool");
    wrong = complete();
    wrong.pools.front().slots.front().plan = 2;
    EXPECT_EQ(refusal_of(wrong), "goods: a slot has no plan");
    wrong = complete();
    wrong.pools.front().workers.front().plan = 2;
    EXPECT_EQ(
        refusal_of(wrong),
        "goods: worker 100 has an unknown plan, or a line or pid that is used twice"
    );
    wrong = complete();
    wrong.plans.back().command_line.clear();
    EXPECT_EQ(refusal_of(wrong), "a plan without command line");
}

TEST(master_state, refuses_lines_pids_descriptors_and_names_used_twice) {
    master_state wrong = complete();
    wrong.pools.front().workers.back().line = 0;
    EXPECT_EQ(
        refusal_of(wrong),
        "goods: worker 101 has an unknown plan, or a line or pid that is used twice"
    );
    wrong = complete();
    wrong.pools.front().workers.back().pid = 100;
    EXPECT_EQ(
        refusal_of(wrong),
        "goods: worker 100 has an unknown plan, or a line or pid that is used twice"
    );
    wrong = complete();
    wrong.pools.front().workers.front().control = 10;
    EXPECT_EQ(refusal_of(wrong), "a descriptor is used twice");
    wrong = complete();
    wrong.plans.back().program = 20;
    EXPECT_EQ(refusal_of(wrong), "a descriptor is used twice");
    wrong = complete();
    wrong.pools.push_back(wrong.pools.front());
    wrong.pools.back().workers.clear();
    EXPECT_EQ(refusal_of(wrong), "two pools are called goods");
}

TEST(master_state, refuses_inconsistent_pools) {
    master_state wrong = complete();
    wrong.pools.front().policy.slots.pop_back();
    EXPECT_EQ(refusal_of(wrong), "goods: the restart policy has another number of slots");
    wrong = complete();
    wrong.pools.front().policy.replacements = {at(2), at(1)};
    EXPECT_EQ(refusal_of(wrong), "goods: replacements are out of order");
    wrong = complete();
    wrong.pools.front().name = "goods slot=1";
    EXPECT_EQ(refusal_of(wrong), "a pool without name, host or slots");
    wrong = complete();
    wrong.pools.clear();
    EXPECT_EQ(refusal_of(wrong), "no plan, command line or pool");
}

TEST(master_state, encodes_texts_of_workers_with_any_bytes) {
    master_state odd = complete();
    odd.pools.front().workers.front().end_reason = std::string(4096, '\xFF');
    EXPECT_EQ(refusal_of(odd), "accepted");
}

} // namespace
} // namespace msd::process
