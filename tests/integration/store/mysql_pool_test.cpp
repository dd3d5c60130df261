// SPDX-License-Identifier: Apache-2.0
// The pool of connections against a server that is killed, frozen, full and restarted.
#include "base/log.hpp"
#include "integration/store/loop.hpp"
#include "integration/store/mysql_test.hpp"
#include "integration/store/temporary_directory.hpp"
#include "store/mysql/connection_pool.hpp"

#include <asio/detached.hpp>

#include <atomic>
#include <fstream>
#include <iterator>
#include <map>

namespace msd::test {
namespace {

using store::mysql::connection;
using store::mysql::connection_pool;
using store::mysql::failure_kind;
using store::mysql::query;

result<std::int64_t> own_id(connection& on) {
    query id{on, "SELECT CONNECTION_ID()"};
    if (const auto row = id.next(); !row) {
        return tl::unexpected{row.error()};
    }
    return id.integer(0);
}

result<std::int64_t> sleep_ms(connection& on, std::int64_t span) {
    query slow{on, "SELECT SLEEP(? / 1000)"};
    if (const auto row = slow.bind(span).next(); !row) {
        return tl::unexpected{row.error()};
    }
    return 0;
}

result<std::int64_t> sleep_a_while(connection& on) {
    return sleep_ms(on, 200);
}

class mysql_pool : public testing::Test {
protected:
    void open(connection_pool::settings chosen) {
        chosen.executor = loop_.executor();
        chosen.name = "store of tests";
        chosen.at = chosen.at.port == 3306 ? address_of(server_) : chosen.at;
        pool_ = std::make_unique<connection_pool>(std::move(chosen));
    }
    void SetUp() override { open({}); }

    result<void> start() { return loop_.wait(pool_->start(deadline::in(patience))); }

    template <class F>
    result<std::int64_t> run(F work, deadline until = deadline::in(patience)) {
        return loop_.wait(pool_->run(until, connection_pool::repeat::always, work));
    }

    // Makes `count` calls at once; counts the results by error code, success as nullopt.
    template <class F>
    std::map<std::optional<errc>, int> run_many(int count, F work, deadline until) {
        std::map<std::optional<errc>, int> outcomes;
        int ended = 0;
        for (int i = 0; i < count; ++i) {
            auto task = pool_->run(until, connection_pool::repeat::always, work);
            auto note = [&](const std::exception_ptr&, const result<std::int64_t>& outcome) {
                ++ended;
                ++outcomes[outcome ? std::nullopt : std::optional{outcome.error().code}];
            };
            asio::co_spawn(loop_.context(), std::move(task), note);
        }
        loop_.run_until([&] { return ended == count; });
        return outcomes;
    }

    mariadb_server server_;
    loop loop_;
    std::unique_ptr<connection_pool> pool_;
};

TEST_F(mysql_pool, lends_the_most_recently_used_connection) {
    ASSERT_TRUE(start());
    const auto first = run(own_id);
    ASSERT_TRUE(first);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(run(own_id).value(), *first);
    }
    EXPECT_EQ(pool_->connections(), 1);
}

TEST_F(mysql_pool, limits_its_connections_and_closes_all_but_one_when_idle) {
    ASSERT_TRUE(start());
    const auto outcomes = run_many(40, sleep_a_while, deadline::in(patience));
    EXPECT_EQ(outcomes.at(std::nullopt), 40);
    EXPECT_LE(pool_->connections(), connection_pool::settings{}.connections_max);
    EXPECT_TRUE(eventually([&] { return pool_->connections() == 1; }));
    EXPECT_TRUE(run(own_id));
}

TEST_F(mysql_pool, survives_a_restart_without_a_failed_call) {
    ASSERT_TRUE(start());
    ASSERT_TRUE(run(own_id));
    server_.restart();
    EXPECT_TRUE(run(own_id)) << "the kept connection is dead, a new one is opened";
}

TEST_F(mysql_pool, repeats_a_call_when_its_connection_is_killed) {
    ASSERT_TRUE(start());
    const auto id = run(own_id);
    server_.query("KILL " + std::to_string(*id));
    const auto next = run(own_id);
    ASSERT_TRUE(next);
    EXPECT_NE(*next, *id);
}

TEST_F(mysql_pool, fails_at_once_while_the_server_is_down_and_recovers_by_itself) {
    ASSERT_TRUE(start());
    server_.kill();
    EXPECT_EQ(run(own_id).error().code, errc::unavailable);
    EXPECT_TRUE(pool_->down());
    const auto begun = clock::now();
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(run(own_id).error().code, errc::unavailable);
    }
    EXPECT_LT(clock::now() - begun, std::chrono::seconds{10});
    server_.start();
    const auto up = clock::now();
    loop_.run_until([&] { return !pool_->down(); });
    // The bound is 3 s on a machine that is not busy with other tests.
    EXPECT_LT(clock::now() - up, std::chrono::seconds{15});
    EXPECT_TRUE(run(own_id));
}

TEST_F(mysql_pool, answers_calls_to_a_frozen_server_within_their_deadline) {
    ASSERT_TRUE(start());
    ASSERT_TRUE(run(own_id));
    server_.freeze();
    const auto late = run(own_id, deadline::in(milliseconds{500}));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, errc::timeout);
    EXPECT_TRUE(pool_->down());
    EXPECT_EQ(run(own_id).error().code, errc::unavailable) << "the next call does not wait";
    server_.thaw();
    loop_.run_until([&] { return !pool_->down(); });
    EXPECT_TRUE(run(own_id));
}

TEST_F(mysql_pool, does_not_treat_a_short_deadline_as_an_outage) {
    ASSERT_TRUE(start());
    EXPECT_EQ(run(sleep_a_while, deadline::in(milliseconds{20})).error().code, errc::timeout);
    EXPECT_FALSE(pool_->down());
    EXPECT_TRUE(run(own_id));
}

TEST_F(mysql_pool, does_not_treat_a_long_queue_as_an_outage) {
    ASSERT_TRUE(start());
    std::atomic<bool> was_down{false};
    auto look = [&](connection& on) {
        was_down = was_down || pool_->down(); // may be called from any thread
        return sleep_ms(on, 100);
    };
    const auto outcomes = run_many(100, look, deadline::in(milliseconds{1000}));
    EXPECT_GT(outcomes.at(std::nullopt), 0);
    EXPECT_GT(outcomes.at(errc::timeout), 0);
    EXPECT_FALSE(was_down || pool_->down());
}

TEST_F(mysql_pool, does_not_reuse_the_connection_of_a_call_that_timed_out) {
    ASSERT_TRUE(start());
    const auto id = run(own_id);
    EXPECT_EQ(run(sleep_a_while, deadline::in(milliseconds{20})).error().code, errc::timeout);
    EXPECT_TRUE(eventually([&] {
        const auto known = "SELECT COUNT(*) FROM information_schema.processlist WHERE id = ";
        return server_.value(known + std::to_string(*id)) == "0";
    }));
}

TEST_F(mysql_pool, starts_while_the_server_is_down_and_logs_it_once) {
    pool_.reset();
    server_.stop();
    const temporary_directory directory;
    const auto file = (directory.path() / "log").string();
    log::configure({.file = file, .role = "test"});
    open({});
    EXPECT_TRUE(start());
    EXPECT_TRUE(pool_->down());
    EXPECT_EQ(run(own_id).error().code, errc::unavailable);
    server_.start();
    loop_.run_until([&] { return !pool_->down(); });
    EXPECT_TRUE(run(own_id));
    pool_.reset();
    log::configure({});
    std::ifstream in{file};
    const std::string logged{std::istreambuf_iterator<char>{in}, {}};
    EXPECT_NE(logged.find("store of tests: the server cannot be reached"), std::string::npos);
    EXPECT_NE(logged.find("store of tests: works again"), std::string::npos);
    EXPECT_EQ(std::count(logged.begin(), logged.end(), '\n'), 2) << logged;
    EXPECT_EQ(logged.find("127.0.0.1"), std::string::npos) << logged;
}

TEST_F(mysql_pool, does_not_start_when_access_is_denied) {
    auto wrong = address_of(server_);
    wrong.password = "not-the-password";
    connection_pool::settings chosen;
    chosen.at = wrong;
    open(std::move(chosen));
    const auto started = start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, errc::invalid);
    EXPECT_EQ(started.error().text, "store of tests: the server denies access (MySQL error 1045)");
}

TEST_F(mysql_pool, runs_no_call_before_the_schema_is_migrated) {
    std::atomic<int> prepared{0};
    connection_pool::settings chosen;
    chosen.prepare = [&prepared](connection&) -> result<void> {
        if (++prepared < 3) {
            return fail(errc::unavailable, "not yet");
        }
        return {};
    };
    open(std::move(chosen));
    ASSERT_TRUE(start());
    EXPECT_EQ(run(own_id).error().text, "not yet");
    loop_.run_until([&] { return !pool_->down(); });
    EXPECT_EQ(prepared, 3);
    EXPECT_TRUE(run(own_id));
}

TEST_F(mysql_pool, refuses_calls_beyond_its_queue) {
    ASSERT_TRUE(start());
    constexpr int calls = static_cast<int>(connection_pool::calls_max) + 100;
    const auto outcomes = run_many(calls, own_id, deadline::in(patience));
    EXPECT_EQ(outcomes.at(std::nullopt), static_cast<int>(connection_pool::calls_max));
    EXPECT_EQ(outcomes.at(errc::unavailable), 100);
}

// Four workers on a server with fewer connections than they want.
TEST(mysql_pools, share_a_server_with_few_connections_without_a_failed_call) {
    mariadb_server server{{.connections_max = 10}};
    loop on;
    std::vector<std::unique_ptr<connection_pool>> workers;
    for (int i = 0; i < 12; ++i) {
        connection_pool::settings chosen;
        chosen.executor = on.executor();
        chosen.name = "store of tests";
        chosen.at = address_of(server);
        workers.push_back(std::make_unique<connection_pool>(std::move(chosen)));
    }
    std::string failures;
    int ended = 0;
    constexpr int rounds = 10;
    constexpr int calls_at_once = 40;
    for (int round = 0; round < rounds; ++round) {
        for (int i = 0; i < calls_at_once; ++i) {
            auto& worker = *workers[static_cast<std::size_t>(i) % workers.size()];
            auto task = worker.run(deadline::in(patience), connection_pool::repeat::always, own_id);
            auto note = [&](const std::exception_ptr&, const result<std::int64_t>& outcome) {
                ++ended;
                failures += outcome ? "" : outcome.error().text + "; ";
            };
            asio::co_spawn(on.context(), std::move(task), note);
        }
        on.run_until([&] { return ended == (round + 1) * calls_at_once; });
    }
    EXPECT_EQ(failures, "");
}

TEST_F(mysql_pool, can_be_destroyed_while_calls_run) {
    ASSERT_TRUE(start());
    std::optional<result<std::int64_t>> outcome;
    auto note = [&](const std::exception_ptr&, result<std::int64_t> said) {
        outcome = std::move(said);
    };
    auto long_call = [](connection& on) {
        return sleep_ms(on, 2500); // long enough to be observed, below its limit
    };
    auto task = pool_->run(deadline::in(patience), connection_pool::repeat::always, long_call);
    asio::co_spawn(loop_.context(), std::move(task), note);
    const auto sleeping = "SELECT COUNT(*) FROM information_schema.processlist "
                          "WHERE info LIKE 'SELECT SLEEP%'";
    loop_.run_until([&] { return server_.value(sleeping) == "1"; });
    pool_.reset();
    loop_.run_until([&] { return outcome.has_value(); });
}

} // namespace
} // namespace msd::test
