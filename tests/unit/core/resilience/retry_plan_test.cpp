// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/retry_plan.hpp"
#include "core/resilience/try_limits.hpp"

#include <gtest/gtest.h>
#include <utility>
#include <vector>

namespace msd::core::resilience {
namespace {

using enum try_result;
using enum retry_refusal;

constexpr time_point retry_start{milliseconds{1'000'000}};

class retrying {
public:
    retry_refusal refusal(const request_traits& request, const failed_try& tried) {
        last = retry_plan{settings, budget, random}.decide(request, tried, retry_start);
        return last.refusal;
    }
    retry_refusal refusal_of(bool is_repeatable, try_result result) {
        return refusal({is_repeatable, true, deadline::never()}, {result, 1, false, false});
    }

    retry_settings settings;
    retry_budget budget{};
    random_generator random{1};
    retry_decision last;
};

TEST(retry_plan, certainly_unexecuted_requests_are_retried_whatever_their_method) {
    retrying with;
    for (const try_result result : {connection_refused, connect_failed, goaway, not_executed}) {
        EXPECT_EQ(with.refusal_of(false, result), none);
        EXPECT_EQ(with.last.pause, milliseconds{0});
        EXPECT_EQ(with.refusal_of(true, result), none);
    }
}

TEST(retry_plan, failures_after_sending_are_retried_for_repeatable_requests_only) {
    retrying with;
    for (const try_result result : {gateway_error, reset, timed_out}) {
        EXPECT_EQ(with.refusal_of(true, result), none);
        EXPECT_EQ(with.refusal_of(false, result), not_repeatable);
    }
    for (const try_result result : {succeeded, client_error, server_error, cancelled, rejected}) {
        EXPECT_EQ(with.refusal_of(true, result), not_needed);
        EXPECT_EQ(with.refusal_of(false, result), not_needed);
    }
}

TEST(retry_plan, idempotent_methods_are_those_of_rfc_9110) {
    for (const char* const method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
        EXPECT_TRUE(is_idempotent(method));
    }
    for (const char* const method : {"POST", "PATCH", "get", "CONNECT", ""}) {
        EXPECT_FALSE(is_idempotent(method));
    }
}

TEST(retry_plan, a_probe_of_an_ejected_endpoint_costs_its_request_nothing) {
    retrying with;
    const request_traits request{true, true, deadline::never()};
    EXPECT_EQ(with.refusal(request, {server_error, 1, true, false}), none);
    EXPECT_EQ(with.refusal(request, {server_error, 1, false, false}), not_needed);
    EXPECT_EQ(with.refusal(request, {server_error, 2, true, false}), not_needed);
}

TEST(retry_plan, needs_the_body_a_try_time_and_no_reply_yet) {
    retrying with;
    const deadline soon{retry_start + milliseconds{100'000}};
    EXPECT_EQ(with.refusal({true, false, soon}, {reset, 1, false, false}), body_not_kept);
    EXPECT_EQ(with.refusal({true, true, soon}, {reset, 2, false, false}), none);
    EXPECT_EQ(with.refusal({true, true, soon}, {reset, 3, false, false}), tries_used);
    EXPECT_EQ(with.refusal({true, true, soon}, {reset, 1, false, true}), not_needed);
    const deadline over{retry_start};
    EXPECT_EQ(with.refusal({true, true, over}, {reset, 1, false, false}), no_time);
}

TEST(retry_plan, a_retry_is_taken_from_the_budget_only_when_it_is_made) {
    retrying with;
    const auto left = [&with] {
        return with.budget.available({}, retry_start);
    };
    const std::uint64_t before = left();
    with.refusal_of(false, reset);
    EXPECT_EQ(left(), before);
    with.refusal_of(true, reset);
    EXPECT_EQ(left(), before - 1);
    while (left() != 0) {
        with.refusal_of(true, reset);
    }
    EXPECT_EQ(with.refusal_of(true, reset), no_budget);
}

TEST(retry_plan, pauses_have_full_jitter_up_to_their_limit) {
    random_generator random{1};
    const retry_settings settings;
    const std::vector<std::pair<std::uint32_t, int>>
        bounds{{1, 25}, {2, 75}, {3, 175}, {4, 250}, {40, 250}};
    for (const auto& [retry, most] : bounds) {
        milliseconds longest{0};
        milliseconds shortest{1000};
        for (int draw = 0; draw < 2000; ++draw) {
            const milliseconds pause = retry_pause(settings, retry, random);
            longest = std::max(longest, pause);
            shortest = std::min(shortest, pause);
        }
        EXPECT_LT(longest.count(), most);
        EXPECT_GT(longest.count(), most * 9 / 10);
        EXPECT_LT(shortest.count(), most / 10);
    }
}

TEST(try_limits, a_try_that_can_be_repeated_leaves_time_for_another_one) {
    using enum try_kind;
    const time_limits limits;
    const deadline request{retry_start + milliseconds{5000}};
    const auto given = [&](int p99, try_kind kind) {
        return try_deadline(limits, request, milliseconds{p99}, kind, retry_start).at() -
               retry_start;
    };
    EXPECT_EQ(given(0, usual), milliseconds{2500});
    EXPECT_EQ(given(10, usual), milliseconds{250});
    EXPECT_EQ(given(100, usual), milliseconds{800});
    EXPECT_EQ(given(1000, usual), milliseconds{2500});
    EXPECT_EQ(given(10, last), milliseconds{5000});
    EXPECT_EQ(given(0, probe), milliseconds{2500});
    EXPECT_EQ(given(3, probe), milliseconds{10});
    EXPECT_EQ(given(100, probe), milliseconds{200});
    const auto endless =
        try_deadline(limits, deadline::never(), milliseconds{10}, usual, retry_start);
    EXPECT_EQ(endless.at(), time_point::max());
}

TEST(try_limits, a_connect_has_a_limit_of_its_own) {
    const time_limits limits;
    const deadline late{retry_start + milliseconds{5000}};
    const deadline soon{retry_start + milliseconds{100}};
    EXPECT_EQ(connect_deadline(limits, late, retry_start).at(), retry_start + milliseconds{250});
    EXPECT_EQ(connect_deadline(limits, soon, retry_start).at(), soon.at());
}

} // namespace
} // namespace msd::core::resilience
