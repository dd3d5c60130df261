// SPDX-License-Identifier: Apache-2.0
#include "core/instance_notice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr time_point start{std::chrono::seconds{1000}};
constexpr instance_condition starting{false, false, "starting"};
constexpr instance_condition serving{true, false, "ready"};
constexpr instance_condition stopping{true, true, "stopping"};

TEST(instance_notice, asks_for_more_time_until_it_is_ready) {
    instance_notice notice{milliseconds{0}};
    EXPECT_EQ(notice.lines_due(starting, start), "STATUS=starting\nEXTEND_TIMEOUT_USEC=30000000\n");
    EXPECT_EQ(notice.due(), start + instance_notice::extension / 3);
    EXPECT_EQ(notice.lines_due(starting, start + milliseconds{1}), "");
    EXPECT_EQ(notice.lines_due(starting, notice.due()), "EXTEND_TIMEOUT_USEC=30000000\n");
}

TEST(instance_notice, reports_ready_once_and_then_only_changes) {
    instance_notice notice{milliseconds{0}};
    (void)notice.lines_due(starting, start);
    EXPECT_EQ(notice.lines_due(serving, start), "READY=1\nSTATUS=ready\n");
    EXPECT_EQ(notice.lines_due(serving, start + milliseconds{60'000}), "");
    EXPECT_EQ(notice.lines_due({true, false, "degraded"}, start), "STATUS=degraded\n");
    EXPECT_EQ(notice.due(), time_point::max());
}

TEST(instance_notice, reports_stopping_once_and_asks_for_time_to_drain) {
    instance_notice notice{milliseconds{0}};
    (void)notice.lines_due(serving, start);
    EXPECT_EQ(
        notice.lines_due(stopping, start),
        "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=30000000\n"
    );
    EXPECT_EQ(notice.lines_due(stopping, start), "");
    EXPECT_EQ(notice.lines_due(stopping, notice.due()), "EXTEND_TIMEOUT_USEC=30000000\n");
}

TEST(instance_notice, lets_no_text_add_a_variable_or_exceed_a_datagram) {
    instance_notice notice{milliseconds{0}};
    (void)notice.lines_due(serving, start);
    EXPECT_EQ(
        notice.lines_due({true, false, "roll 1: boom\nMAINPID=1\n\x1B"}, start),
        "STATUS=roll 1: boom\\nMAINPID=1\\n\\x1b\n"
    );
    const std::string flood(10'000, 'x');
    EXPECT_EQ(
        notice.lines_due({true, false, flood}, start),
        "STATUS=" + flood.substr(0, instance_notice::text_bytes_max) + "\n"
    );
}

TEST(instance_notice, never_reports_ready_when_stopped_before) {
    instance_notice notice{milliseconds{0}};
    EXPECT_THAT(notice.lines_due(stopping, start), Not(HasSubstr("READY")));
    EXPECT_THAT(notice.lines_due(stopping, start), Not(HasSubstr("READY")));
}

TEST(instance_notice, sends_a_keep_alive_at_half_the_watchdog_time_in_every_state) {
    instance_notice notice{milliseconds{20'000}};
    time_point now = start;
    for (const instance_condition& each : {starting, serving, serving, stopping, stopping}) {
        EXPECT_THAT(notice.lines_due(each, now), HasSubstr("WATCHDOG=1\n"));
        EXPECT_LE(notice.due(), now + milliseconds{10'000});
        EXPECT_THAT(notice.lines_due(each, now + milliseconds{9'999}), Not(HasSubstr("WATCHDOG")));
        now += milliseconds{10'000};
    }
}

TEST(instance_notice, frames_a_reload_with_the_monotonic_time) {
    instance_notice notice{milliseconds{0}};
    EXPECT_EQ(notice.reload_begins(start), "");
    EXPECT_EQ(notice.reload_ends(), "");
    (void)notice.lines_due(serving, start);
    EXPECT_EQ(notice.reload_begins(start), "RELOADING=1\nMONOTONIC_USEC=1000000000\n");
    EXPECT_EQ(notice.reload_ends(), "READY=1\n");
    (void)notice.lines_due(stopping, start);
    EXPECT_EQ(notice.reload_begins(start), "");
    EXPECT_EQ(notice.reload_ends(), "");
}

TEST(instance_notice, asks_for_time_at_once_when_it_stops_while_starting) {
    instance_notice notice{milliseconds{0}};
    (void)notice.lines_due(starting, start);
    EXPECT_EQ(
        notice.lines_due({false, true, "stopping"}, start + milliseconds{1}),
        "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=30000000\n"
    );
    EXPECT_EQ(notice.due(), start + milliseconds{10'001});
}

} // namespace
} // namespace msd::core
