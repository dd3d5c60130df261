// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/breaker.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace msd::core::resilience {
namespace {

using enum try_result;
using kind = breaker_decision::kind;

constexpr time_point breaker_start{milliseconds{1'000'000}};

class breaking {
public:
    kind request(try_result result, milliseconds latency = milliseconds{10}) {
        const breaker_decision decided = under_test.admit(settings, now, random);
        last = decided;
        if (decided.what != kind::refused) {
            under_test.observe(settings, decided, {result, now, now + latency}, random);
        }
        return decided.what;
    }
    void requests(int count, try_result result, milliseconds latency = milliseconds{10}) {
        for (int sent = 0; sent < count; ++sent) {
            request(result, latency);
        }
    }
    [[nodiscard]] breaker_phase phase() const { return under_test.phase(now); }
    // The share of requests that pass, of 2000 at the same time.
    double share() {
        int passed = 0;
        for (int sent = 0; sent < 2000; ++sent) {
            passed += under_test.admit(settings, now, random).what == kind::allowed ? 1 : 0;
        }
        return passed / 2000.0;
    }
    // From open to closed; returns at the moment of closing.
    void close() {
        now = under_test.open_until();
        for (std::uint32_t probe = 0; probe < settings.good_probes; ++probe) {
            EXPECT_EQ(request(succeeded), kind::probe);
            now += settings.probe_every;
        }
        EXPECT_EQ(phase(), breaker_phase::closed);
    }

    // Not on the stack: with a sanitizer, GCC 12 aligns local variables to 32 bytes at most.
    std::unique_ptr<breaker> allocated = std::make_unique<breaker>();
    breaker& under_test = *allocated;
    breaker_settings settings;
    random_generator random{1};
    time_point now = breaker_start;
    breaker_decision last;
};

TEST(breaker, opens_when_half_of_twenty_requests_fail) {
    breaking with;
    with.requests(10, succeeded);
    with.requests(9, gateway_error);
    EXPECT_EQ(with.phase(), breaker_phase::closed) << "only 19 requests";
    with.request(server_error);
    EXPECT_EQ(with.phase(), breaker_phase::open);
    EXPECT_EQ(with.request(succeeded), kind::refused);
    EXPECT_GT(with.last.retry_after, milliseconds{4400});
    EXPECT_LE(with.last.retry_after, milliseconds{5510});
}

TEST(breaker, stays_closed_below_half_failures_and_forgets_old_ones) {
    breaking fresh;
    for (int turn = 0; turn < 200; ++turn) {
        fresh.requests(11, succeeded);
        fresh.requests(9, gateway_error);
    }
    EXPECT_EQ(fresh.phase(), breaker_phase::closed);
    breaking old;
    old.requests(19, gateway_error);
    old.now += milliseconds{10'000};
    old.requests(2, gateway_error);
    EXPECT_EQ(old.phase(), breaker_phase::closed);
}

TEST(breaker, client_errors_cancellations_and_own_rejections_never_count) {
    breaking with;
    for (const try_result result : {client_error, cancelled, rejected, goaway, not_executed}) {
        with.requests(100, result, milliseconds{60'000});
    }
    EXPECT_EQ(with.phase(), breaker_phase::closed);
    EXPECT_EQ(with.under_test.counts.sums(with.now + milliseconds{60'000})[0], 0U);
}

TEST(breaker, opens_when_four_fifths_are_slow) {
    breaking with;
    with.requests(4, succeeded);
    with.requests(15, succeeded, milliseconds{1001});
    EXPECT_EQ(with.phase(), breaker_phase::closed);
    with.requests(1, succeeded, milliseconds{1001});
    EXPECT_EQ(with.phase(), breaker_phase::open);
    breaking usual;
    usual.requests(100, succeeded, milliseconds{900});
    usual.requests(1000, succeeded, milliseconds{3500});
    EXPECT_EQ(usual.phase(), breaker_phase::closed) << "four times the usual latency is allowed";
}

TEST(breaker, is_open_for_five_seconds_doubling_to_sixty_with_a_tenth_of_jitter) {
    breaking with;
    with.requests(20, gateway_error);
    with.now += milliseconds{10};
    for (const int expected : {5, 10, 20, 40, 60, 60}) {
        const auto length = with.under_test.open_until() - with.now;
        EXPECT_GE(length, milliseconds{expected * 900 - 1});
        EXPECT_LE(length, milliseconds{expected * 1100});
        with.now = with.under_test.open_until() - milliseconds{1};
        EXPECT_EQ(with.request(succeeded), kind::refused);
        with.now += milliseconds{1};
        EXPECT_EQ(with.phase(), breaker_phase::half_open);
        EXPECT_EQ(with.request(timed_out), kind::probe);
        with.now += milliseconds{10};
        EXPECT_EQ(with.phase(), breaker_phase::open);
    }
}

TEST(breaker, lets_single_requests_probe_and_closes_after_three_good_ones) {
    breaking with;
    with.requests(20, gateway_error);
    with.now = with.under_test.open_until();
    EXPECT_EQ(with.request(succeeded), kind::probe);
    EXPECT_EQ(with.request(succeeded), kind::refused) << "one per 100 ms";
    with.now += milliseconds{100};
    // A probe whose worker dies does not block the next one.
    EXPECT_EQ(with.under_test.admit(with.settings, with.now, with.random).what, kind::probe);
    with.now += milliseconds{100};
    EXPECT_EQ(with.request(succeeded), kind::probe);
    EXPECT_EQ(with.phase(), breaker_phase::half_open);
    with.now += milliseconds{100};
    EXPECT_EQ(with.request(succeeded), kind::probe);
    EXPECT_EQ(with.phase(), breaker_phase::closed);
}

TEST(breaker, closes_with_a_ramp_from_five_percent_in_ten_seconds) {
    breaking with;
    with.requests(20, gateway_error);
    with.close();
    const time_point closed = with.now - with.settings.probe_every;
    with.now = closed + milliseconds{1};
    EXPECT_NEAR(with.share(), 0.05, 0.02);
    with.now = closed + milliseconds{5000};
    EXPECT_NEAR(with.share(), 0.525, 0.04);
    with.now = closed + milliseconds{10'100};
    EXPECT_EQ(with.share(), 1);
}

TEST(breaker, failures_from_before_it_closed_do_not_open_it_again) {
    breaking with;
    with.settings.open = milliseconds{100};
    with.requests(20, gateway_error);
    const time_point before = with.now;
    with.close();
    for (int late = 0; late < 100; ++late) {
        with.under_test.observe(with.settings, {}, {timed_out, before, with.now}, with.random);
    }
    EXPECT_EQ(with.phase(), breaker_phase::closed);
    with.now += milliseconds{10'000};
    with.requests(20, gateway_error);
    EXPECT_EQ(with.phase(), breaker_phase::open);
    EXPECT_GT(with.under_test.open_until() - with.now, milliseconds{150}) << "doubled";
}

TEST(breaker, starts_with_an_empty_window_when_it_closes) {
    breaking with;
    with.settings.open = milliseconds{100};
    with.requests(20, gateway_error);
    with.close();
    const observed_try failed{gateway_error, with.now, with.now};
    with.under_test.observe(with.settings, {}, failed, with.random);
    EXPECT_EQ(with.phase(), breaker_phase::closed) << "one failure of one request";
}

TEST(breaker, one_very_slow_reply_does_not_set_the_usual_latency) {
    breaking with;
    with.requests(10, succeeded, milliseconds{100});
    with.now += std::chrono::hours{1};
    with.request(succeeded, milliseconds{60'000});
    EXPECT_LE(with.under_test.baseline.value_us(), 400'001);
}

TEST(breaker, openings_long_ago_do_not_make_the_next_one_longer) {
    breaking with;
    with.requests(20, gateway_error);
    with.close();
    with.now += milliseconds{71'000};
    with.requests(20, gateway_error);
    EXPECT_LE(with.under_test.open_until() - with.now, milliseconds{5510});
}

TEST(breaker, the_mode_observe_refuses_nothing_and_off_counts_nothing) {
    breaking with;
    with.settings.mode = breaker_mode::observe;
    with.requests(20, gateway_error);
    EXPECT_EQ(with.phase(), breaker_phase::open);
    EXPECT_EQ(with.request(succeeded), kind::allowed);
    EXPECT_TRUE(with.last.would_refuse);
    breaking off;
    off.settings.mode = breaker_mode::off;
    off.requests(1000, gateway_error);
    EXPECT_EQ(off.phase(), breaker_phase::closed);
}

TEST(breaker, that_of_a_store_opens_at_the_first_failure_and_has_no_ramp) {
    breaking with;
    with.settings = breaker_settings::for_stores();
    with.requests(1000, succeeded);
    with.request(connect_failed, milliseconds{0});
    EXPECT_EQ(with.phase(), breaker_phase::open);
    with.now += milliseconds{499};
    EXPECT_EQ(with.request(succeeded), kind::refused);
    with.now += milliseconds{1};
    EXPECT_EQ(with.request(connect_failed, milliseconds{0}), kind::probe);
    with.now += milliseconds{500};
    EXPECT_EQ(with.request(succeeded), kind::probe);
    EXPECT_EQ(with.share(), 1);
}

TEST(breaker, any_stored_bits_leave_a_breaker_that_works) {
    for (const std::uint64_t bits : {~0ULL, 0xAAAA'AAAA'AAAA'AAA9ULL, 0x5555'5555'5555'5556ULL}) {
        breaking with;
        with.under_test.state = bits;
        with.under_test.next_probe_ms = bits;
        with.under_test.baseline.cell = bits;
        int passed = 0;
        for (int ms = 0; ms < 130'000; ms += 100) {
            with.now = breaker_start + milliseconds{ms};
            passed += with.request(succeeded) != kind::refused ? 1 : 0;
        }
        EXPECT_GT(passed, 100) << bits;
    }
}

} // namespace
} // namespace msd::core::resilience
