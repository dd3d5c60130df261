// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/ejection.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace msd::core::resilience {
namespace {

constexpr time_point ejection_start{milliseconds{1'000'000}};

class ejections {
public:
    explicit ejections(std::size_t count) : states{std::make_unique<ejection[]>(count)} {
        for (std::size_t index = 0; index < count; ++index) {
            members.push_back(&states[index]);
        }
    }

    ejection_change reply(std::size_t index, try_result result) {
        return observe(scope(), states[index], {result, now, now}, settings);
    }
    void replies(std::size_t index, int count, try_result result) {
        for (int sent = 0; sent < count; ++sent) {
            reply(index, result);
        }
    }
    [[nodiscard]] ejection_scope scope() { return {group, members}; }
    [[nodiscard]] std::size_t out() const {
        std::size_t count = 0;
        for (const ejection* const member : members) {
            count += member->phase(now) != ejection_phase::in_service ? 1 : 0;
        }
        return count;
    }

    std::unique_ptr<ejection[]> states;
    std::vector<ejection*> members;
    ejection_group group{};
    ejection_settings settings;
    time_point now = ejection_start;
};

using enum try_result;

TEST(ejection, five_gateway_errors_in_a_row_eject) {
    ejections under_test{4};
    under_test.replies(1, 4, gateway_error);
    under_test.reply(1, succeeded);
    under_test.replies(1, 4, reset);
    EXPECT_EQ(under_test.out(), 0U);
    EXPECT_EQ(under_test.group.changes.load(), 0U);
    EXPECT_EQ(under_test.reply(1, timed_out), ejection_change::ejected);
    EXPECT_EQ(under_test.states[1].phase(under_test.now), ejection_phase::ejected);
    EXPECT_EQ(under_test.group.changes.load(), 1U) << "other workers notice";
}

TEST(ejection, what_says_nothing_about_the_endpoint_neither_counts_nor_resets) {
    ejections under_test{4};
    under_test.replies(1, 4, gateway_error);
    for (const try_result result : {cancelled, rejected, goaway, not_executed}) {
        EXPECT_EQ(under_test.reply(1, result), ejection_change::none);
    }
    EXPECT_EQ(under_test.reply(1, gateway_error), ejection_change::ejected);
    under_test.replies(2, 50, client_error);
    EXPECT_EQ(under_test.out(), 1U);
}

TEST(ejection, lasts_ten_seconds_longer_each_time_and_at_most_300) {
    ejections under_test{4};
    for (int times = 1; times <= 40; ++times) {
        under_test.replies(1, 5, gateway_error);
        const milliseconds length{std::min(300'000, times * 10'000)};
        EXPECT_EQ(under_test.states[1].until(), under_test.now + length) << times;
        under_test.now += length - milliseconds{1};
        EXPECT_EQ(under_test.out(), 1U);
        under_test.now += milliseconds{1};
        EXPECT_EQ(under_test.out(), 0U);
    }
    under_test.now += milliseconds{300'000};
    under_test.replies(1, 5, gateway_error);
    EXPECT_EQ(under_test.states[1].until(), under_test.now + milliseconds{10'000}) << "forgotten";
}

TEST(ejection, an_endpoint_that_comes_back_has_one_chance_until_its_first_good_reply) {
    ejections under_test{4};
    under_test.replies(1, 5, gateway_error);
    under_test.now = under_test.states[1].until();
    EXPECT_EQ(under_test.reply(1, gateway_error), ejection_change::ejected);
    under_test.now = under_test.states[1].until();
    under_test.reply(1, succeeded);
    under_test.replies(1, 4, gateway_error);
    EXPECT_EQ(under_test.out(), 0U);
}

TEST(ejection, three_good_replies_end_it_and_reset_its_length) {
    ejections under_test{4};
    for (int times = 0; times < 3; ++times) {
        under_test.replies(1, 5, gateway_error);
        under_test.now = under_test.states[1].until();
    }
    under_test.replies(1, 5, gateway_error);
    EXPECT_EQ(under_test.states[1].times(), 4U);
    under_test.now += milliseconds{1000};
    EXPECT_EQ(under_test.reply(1, succeeded), ejection_change::none);
    EXPECT_EQ(under_test.reply(1, succeeded), ejection_change::none);
    EXPECT_EQ(under_test.reply(1, gateway_error), ejection_change::none);
    EXPECT_EQ(under_test.reply(1, succeeded), ejection_change::none);
    EXPECT_EQ(under_test.reply(1, succeeded), ejection_change::none);
    EXPECT_EQ(under_test.reply(1, succeeded), ejection_change::returned);
    EXPECT_EQ(under_test.out(), 0U);
    under_test.replies(1, 5, gateway_error);
    EXPECT_EQ(under_test.states[1].until(), under_test.now + milliseconds{10'000});
}

TEST(ejection, replies_to_requests_from_before_it_do_not_end_it) {
    ejections under_test{4};
    under_test.replies(1, 5, gateway_error);
    for (int reply = 0; reply < 10; ++reply) {
        const observed_try late{succeeded, ejection_start - milliseconds{500}, ejection_start};
        observe(under_test.scope(), under_test.states[1], late, under_test.settings);
    }
    EXPECT_EQ(under_test.out(), 1U);
}

TEST(ejection, of_all_workers_one_may_probe_per_second) {
    ejections under_test{4};
    ejection& state = under_test.states[1];
    EXPECT_FALSE(state.take_probe(under_test.settings, under_test.now));
    under_test.replies(1, 5, gateway_error);
    int probes = 0;
    for (int ms = 0; ms < 9500; ++ms) {
        probes += state.take_probe(under_test.settings, under_test.now + milliseconds{ms}) ? 1 : 0;
    }
    EXPECT_EQ(probes, 9);
}

TEST(ejection, a_refused_connection_ejects_at_once_and_is_probed_soon) {
    ejections under_test{2};
    EXPECT_EQ(under_test.reply(0, connection_refused), ejection_change::refused);
    EXPECT_EQ(under_test.reply(1, connection_refused), ejection_change::refused)
        << "a refusal is no guess: half of the endpoints is no limit";
    std::vector<int> probes;
    for (int ms = 0; ms < 8000; ++ms) {
        const time_point at = ejection_start + milliseconds{ms};
        if (under_test.states[0].take_probe(under_test.settings, at)) {
            probes.push_back(ms);
            under_test.now = at;
            EXPECT_EQ(under_test.reply(0, connection_refused), ejection_change::none);
        }
    }
    EXPECT_EQ(probes, (std::vector<int>{250, 750, 1750, 3750, 5750, 7750}));
    EXPECT_EQ(under_test.reply(0, succeeded), ejection_change::returned);
    EXPECT_EQ(under_test.out(), 1U);
}

TEST(ejection, at_most_half_of_the_endpoints_are_ejected) {
    ejections under_test{5};
    for (std::size_t index = 0; index < 5; ++index) {
        under_test.replies(index, 20, gateway_error);
    }
    EXPECT_EQ(under_test.out(), 2U);
    ejections single{1};
    single.replies(0, 20, gateway_error);
    EXPECT_EQ(single.out(), 0U);
}

TEST(ejection, a_request_that_fails_everywhere_ejects_nothing) {
    ejections under_test{3};
    for (int turn = 0; turn < 30; ++turn) {
        for (std::size_t index = 0; index < 3; ++index) {
            under_test.reply(index, server_error);
        }
    }
    EXPECT_EQ(under_test.out(), 0U);
    under_test.now += milliseconds{20'000};
    under_test.replies(0, 20, succeeded);
    under_test.replies(1, 20, succeeded);
    EXPECT_EQ(under_test.reply(2, server_error), ejection_change::ejected)
        << "the others answer: it is the endpoint";
}

TEST(ejection, a_low_success_rate_ejects) {
    ejections under_test{6};
    for (std::size_t index = 0; index < 6; ++index) {
        for (int reply = 0; reply < 100; ++reply) {
            under_test.reply(index, index == 2 && reply % 3 == 0 ? gateway_error : succeeded);
        }
    }
    EXPECT_EQ(under_test.out(), 0U) << "never five in a row";
    const auto evaluate = [&under_test] {
        return evaluate_success_rates(under_test.scope(), under_test.settings, under_test.now)
            .size();
    };
    EXPECT_EQ(evaluate(), 1U);
    EXPECT_EQ(under_test.states[2].phase(under_test.now), ejection_phase::ejected);
    under_test.states[2].clear();
    under_test.replies(2, 100, gateway_error);
    under_test.states[2].state = 0;
    EXPECT_EQ(evaluate(), 0U) << "once per interval";
}

TEST(ejection, success_rates_need_five_endpoints_a_hundred_requests_and_a_difference) {
    const auto ejected_of = [](std::size_t endpoints, int requests, int failures) {
        ejections under_test{endpoints};
        for (std::size_t index = 0; index < endpoints; ++index) {
            for (int reply = 0; reply < requests; ++reply) {
                const bool fails = index == 0 && reply % 4 == 0 && reply / 4 < failures;
                under_test.reply(index, fails ? gateway_error : succeeded);
            }
        }
        return evaluate_success_rates(under_test.scope(), under_test.settings, under_test.now)
            .size();
    };
    EXPECT_EQ(ejected_of(6, 100, 20), 1U);
    EXPECT_EQ(ejected_of(5, 99, 20), 0U);
    EXPECT_EQ(ejected_of(4, 100, 20), 0U);
    EXPECT_EQ(ejected_of(6, 100, 2), 0U) << "98 % is no outlier of 100 %";
}

TEST(ejection, any_stored_bits_leave_a_state_that_ends) {
    ejections under_test{4};
    ejection& state = under_test.states[1];
    for (const std::uint64_t bits :
         {~0ULL, 0x7FFF'FFFF'FFFF'FFFDULL, 0xAAAA'AAAA'AAAA'AAAAULL, 1ULL, 2ULL, 3ULL}) {
        state.state = bits;
        state.next_probe_ms = ~0ULL;
        state.errors = 0;
        under_test.replies(1, 5, gateway_error);
        const auto until = state.until();
        EXPECT_LE(until, under_test.now + milliseconds{300'000}) << bits;
    }
    under_test.replies(1, 5, gateway_error);
    state.next_probe_ms = ~0ULL;
    EXPECT_TRUE(state.take_probe(under_test.settings, under_test.now));
}

} // namespace
} // namespace msd::core::resilience
