// SPDX-License-Identifier: Apache-2.0
#include "core/service_notice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr time_point start{std::chrono::seconds{1000}};
constexpr service_condition starting{false, false, "starting"};
constexpr service_condition serving{true, false, "ready"};
constexpr service_condition stopping{true, true, "stopping"};

TEST(service_notice, asks_for_more_time_until_it_is_ready) {
    service_notice notice{milliseconds{0}};
    EXPECT_EQ(notice.lines_due(starting, start), "STATUS=starting\nEXTEND_TIMEOUT_USEC=30000000\n");
    EXPECT_EQ(notice.due(), start + service_notice::extension / 3);
    EXPECT_EQ(notice.lines_due(starting, start + milliseconds{1}), "");
    EXPECT_EQ(notice.lines_due(starting, notice.due()), "EXTEND_TIMEOUT_USEC=30000000\n");
}

TEST(service_notice, reports_ready_once_and_then_only_changes) {
    service_notice notice{milliseconds{0}};
    (void)notice.lines_due(starting, start);
    EXPECT_EQ(notice.lines_due(serving, start), "READY=1\nSTATUS=ready\n");
    EXPECT_EQ(notice.lines_due(serving, start + milliseconds{60'000}), "");
    EXPECT_EQ(notice.lines_due({true, false, "degraded"}, start), "STATUS=degraded\n");
    EXPECT_EQ(notice.due(), time_point::max());
}

TEST(service_notice, reports_stopping_once_and_asks_for_time_to_drain) {
    service_notice notice{milliseconds{0}};
    (void)notice.lines_due(serving, start);
    EXPECT_EQ(
        notice.lines_due(stopping, start),
        "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=30000000\n"
    );
    EXPECT_EQ(notice.lines_due(stopping, start), "");
    EXPECT_EQ(notice.lines_due(stopping, notice.due()), "EXTEND_TIMEOUT_USEC=30000000\n");
}

TEST(service_notice, never_reports_ready_when_stopped_before) {
    service_notice notice{milliseconds{0}};
    EXPECT_THAT(notice.lines_due(stopping, start), Not(HasSubstr("READY")));
    EXPECT_THAT(notice.lines_due(stopping, start), Not(HasSubstr("READY")));
}

TEST(service_notice, sends_a_keep_alive_at_half_the_watchdog_time_in_every_state) {
    service_notice notice{milliseconds{20'000}};
    time_point now = start;
    for (const service_condition& each : {starting, serving, serving, stopping, stopping}) {
        EXPECT_THAT(notice.lines_due(each, now), HasSubstr("WATCHDOG=1\n"));
        EXPECT_LE(notice.due(), now + milliseconds{10'000});
        EXPECT_THAT(notice.lines_due(each, now + milliseconds{9'999}), Not(HasSubstr("WATCHDOG")));
        now += milliseconds{10'000};
    }
}

TEST(service_notice, frames_a_reload_with_the_monotonic_time) {
    service_notice notice{milliseconds{0}};
    EXPECT_EQ(notice.reload_begins(start), "");
    EXPECT_EQ(notice.reload_ends(), "");
    (void)notice.lines_due(serving, start);
    EXPECT_EQ(notice.reload_begins(start), "RELOADING=1\nMONOTONIC_USEC=1000000000\n");
    EXPECT_EQ(notice.reload_ends(), "READY=1\n");
    (void)notice.lines_due(stopping, start);
    EXPECT_EQ(notice.reload_begins(start), "");
    EXPECT_EQ(notice.reload_ends(), "");
}

} // namespace
} // namespace msd::core
