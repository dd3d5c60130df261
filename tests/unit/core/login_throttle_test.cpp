// SPDX-License-Identifier: Apache-2.0
#include "core/login_throttle.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <random>

namespace msd::core {
namespace {

constexpr std::int64_t begin_ms = 1'800'000'000'000;

class throttled_logins : public testing::Test {
protected:
    using subject = login_throttle::subject;

    // Well-mixed numbers, as a keyed hash gives.
    static std::uint64_t hash(std::uint64_t one, std::uint64_t other = 0) {
        std::mt19937_64 mix{one * 1'000'003 + other};
        return mix();
    }
    static subject who(std::uint64_t name, std::uint64_t client) {
        return {.name = hash(name), .client = hash(0, client), .both = hash(name, client)};
    }

    // One attempt with a wrong password; returns whether it was made.
    bool fail(const subject& of) {
        if (logins.begin(of, now).wait > milliseconds{0}) {
            return false;
        }
        logins.note_failure(of, true, now);
        return true;
    }
    void fail(const subject& of, int times) {
        for (int n = 0; n < times; ++n) {
            logins.note_failure(of, true, now);
        }
    }
    std::int64_t wait(const subject& of) { return logins.begin(of, now).wait.count(); }

    std::unique_ptr<login_records> records = std::make_unique<login_records>();
    login_throttle logins{*records, {}};
    std::int64_t now = begin_ms;
    const subject owner = who(1, 1);
    const subject attacker = who(1, 2);
};

TEST_F(throttled_logins, do_not_wait_without_failures) {
    EXPECT_EQ(wait(owner), 0);
    EXPECT_FALSE(logins.begin(owner, now).is_proven);
    EXPECT_EQ(logins.hold(owner.client, now).count(), 0);
}

TEST_F(throttled_logins, wait_after_too_many_failures_for_growing_times) {
    for (int n = 0; n < 6; ++n) {
        EXPECT_TRUE(fail(owner)) << n;
    }
    for (const std::int64_t expected : {1000, 2000, 4000, 8000, 16'000}) {
        EXPECT_EQ(wait(owner), expected);
        now += expected - 1;
        EXPECT_EQ(wait(owner), 1) << "an attempt that is too early changes nothing";
        now += 1;
        EXPECT_TRUE(fail(owner));
    }
    EXPECT_EQ(wait(owner), 30'000);
    fail(owner, 100);
    EXPECT_EQ(wait(owner), 30'000);
}

TEST_F(throttled_logins, wait_also_before_the_first_attempt_of_a_client) {
    fail(attacker, 8);
    EXPECT_EQ(wait(owner), 4000);
    now += 4000;
    EXPECT_EQ(wait(owner), 0);
    EXPECT_EQ(wait(owner), 4000) << "the attempt used up the wait";
}

TEST_F(throttled_logins, wait_no_longer_when_other_clients_fail) {
    fail(attacker, 20);
    EXPECT_EQ(wait(owner), 30'000);
    for (int n = 0; n < 30; ++n) {
        now += 1000;
        fail(who(1, 100 + static_cast<std::uint64_t>(n)), 3);
    }
    EXPECT_EQ(wait(owner), 0);
}

TEST_F(throttled_logins, do_not_wait_for_other_names) {
    fail(attacker, 100);
    EXPECT_EQ(wait(who(2, 2)), 0);
}

TEST_F(throttled_logins, forget_a_failure_each_minute) {
    fail(attacker, 100);
    now += 5 * 60'000;
    EXPECT_EQ(wait(owner), 1000);
    now += 60'000;
    EXPECT_EQ(wait(who(1, 3)), 0) << "at most eleven failures are counted";
}

TEST_F(throttled_logins, do_not_wait_when_the_client_is_proven) {
    logins.note_success(owner, now);
    fail(attacker, 100);
    const auto said = logins.begin(owner, now);
    EXPECT_TRUE(said.is_proven);
    EXPECT_EQ(said.wait.count(), 0);
    EXPECT_GT(wait(who(1, 3)), 0);
    EXPECT_GT(wait(attacker), 0);
    EXPECT_FALSE(logins.begin(who(2, 1), now).is_proven) << "another name";
}

TEST_F(throttled_logins, prove_a_client_for_thirty_days) {
    logins.note_success(owner, now);
    now += login_throttle::proven_for.count() - 1;
    EXPECT_TRUE(logins.begin(owner, now).is_proven);
    now += 1;
    EXPECT_FALSE(logins.begin(owner, now).is_proven);
}

TEST_F(throttled_logins, prove_a_client_until_it_fails_too_often) {
    logins.note_success(owner, now);
    fail(owner, 9);
    EXPECT_TRUE(logins.begin(owner, now).is_proven);
    logins.note_success(owner, now);
    fail(owner, 9);
    EXPECT_TRUE(logins.begin(owner, now).is_proven) << "a success forgets the failures";
    logins.note_failure(owner, false, now);
    EXPECT_TRUE(logins.begin(owner, now).is_proven) << "a known password is no guess";
    fail(owner, 1);
    EXPECT_FALSE(logins.begin(owner, now).is_proven);
    EXPECT_GT(wait(owner), 0);
}

TEST_F(throttled_logins, keep_the_wait_when_a_known_password_is_repeated) {
    fail(attacker, 100);
    now += 30'000;
    logins.note_failure(attacker, false, now);
    EXPECT_EQ(logins.peek(attacker, now).wait.count(), 0);
    EXPECT_EQ(logins.peek(attacker, now).wait.count(), 0) << "peek() uses up nothing";
    EXPECT_EQ(wait(attacker), 0);
}

TEST_F(throttled_logins, begin_no_wait_by_a_peek) {
    fail(attacker, 100);
    EXPECT_EQ(logins.peek(owner, now).wait.count(), 30'000);
    now += 30'000;
    EXPECT_EQ(logins.peek(owner, now).wait.count(), 30'000);
}

TEST_F(throttled_logins, make_a_client_wait_again_when_it_comes_back_late) {
    fail(attacker, 20);
    EXPECT_EQ(wait(owner), 30'000);
    now += 30'000 + login_throttle::wait_kept.count();
    fail(attacker, 20);
    EXPECT_EQ(wait(owner), 30'000);
}

TEST_F(throttled_logins, keep_the_failures_of_a_name_whatever_other_names_fail) {
    fail(attacker, 20);
    for (std::uint64_t name = 1000; name < 21'000; ++name) {
        logins.note_failure(who(name, 2), true, now);
    }
    EXPECT_EQ(wait(owner), 30'000);
    int slowed = 0;
    for (std::uint64_t name = 100'000; name < 101'000; ++name) {
        slowed += wait(who(name, 1)) > 0 ? 1 : 0;
    }
    EXPECT_EQ(slowed, 0) << "20,000 failures of other names slow no other name";
}

TEST_F(throttled_logins, use_the_configured_figures) {
    login_throttle chosen{
        *records,
        {.failures_free = 1, .delay_first = milliseconds{1000}, .delay_max = milliseconds{500}}};
    chosen.note_failure(owner, true, now);
    EXPECT_EQ(chosen.begin(owner, now).wait.count(), 0);
    chosen.note_failure(owner, true, now);
    EXPECT_EQ(chosen.begin(owner, now).wait.count(), 500);
    login_throttle off{*records, {.delay_max = milliseconds{0}}};
    for (int n = 0; n < 100; ++n) {
        off.note_failure(owner, true, now);
    }
    EXPECT_EQ(off.begin(owner, now).wait.count(), 0);
}

TEST_F(throttled_logins, forget_what_lies_in_the_future) {
    logins.note_success(owner, now);
    fail(attacker, 20);
    wait(who(1, 3));
    for (int n = 0; n < 100; ++n) {
        logins.note_unsuccessful(owner.client, now);
    }
    now -= std::int64_t{24} * 3'600'000; // the clock was set back
    EXPECT_FALSE(logins.begin(owner, now).is_proven);
    EXPECT_EQ(wait(owner), 0);
    EXPECT_EQ(logins.hold(owner.client, now).count(), 0);
    fail(attacker, 7);
    EXPECT_EQ(wait(owner), 2000);
    now += 2000;
    EXPECT_EQ(wait(owner), 0);
}

TEST_F(throttled_logins, hold_replies_back_after_many_unsuccessful_ones) {
    for (int n = 0; n < login_throttle::unsuccessful_free; ++n) {
        logins.note_unsuccessful(owner.client, now);
    }
    EXPECT_EQ(logins.hold(owner.client, now).count(), 0);
    logins.note_unsuccessful(owner.client, now);
    EXPECT_EQ(logins.hold(owner.client, now).count(), 50);
    for (int n = 0; n < 1000; ++n) {
        logins.note_unsuccessful(owner.client, now);
    }
    EXPECT_EQ(logins.hold(owner.client, now), login_throttle::hold_max);
    EXPECT_EQ(logins.hold(attacker.client, now).count(), 0);
    now += 10 * 2000;
    EXPECT_EQ(logins.hold(owner.client, now).count(), 500);
}

} // namespace
} // namespace msd::core
