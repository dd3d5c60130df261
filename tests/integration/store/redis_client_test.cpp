// SPDX-License-Identifier: Apache-2.0
#include "integration/store/redis_script.hpp"
#include "integration/store/redis_server.hpp"
#include "integration/store/redis_test.hpp"

#include <gmock/gmock.h>
#include <string>
#include <vector>

namespace msd::store::redis {
namespace {

using testing::HasSubstr;

class redis_client : public test::redis_test {};

TEST_F(redis_client, sets_and_gets_any_bytes) {
    const test::redis_server server;
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    const std::string value{"a\r\n\0\xff연필", 11};
    EXPECT_TRUE(ask({"SET", "key \r\n", value})->is_status("OK"));
    EXPECT_EQ(ask({"GET", "key \r\n"})->text, value);
    EXPECT_TRUE(ask({"GET", "none"})->is(reply::kind::nil));
}

TEST_F(redis_client, keeps_the_order_of_many_commands_in_flight) {
    const test::redis_server server;
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    std::vector<command> commands;
    for (int i = 0; i < 2000; ++i) {
        commands.push_back(command::of("ECHO", std::to_string(i)));
    }
    const auto answers = ask_all(std::move(commands), soon());
    for (std::size_t i = 0; i < answers.size(); ++i) {
        ASSERT_TRUE(answers[i]) << answers[i].error().text;
        EXPECT_EQ(answers[i]->text, std::to_string(i));
    }
    EXPECT_EQ(client_->counted().connects, 1U);
}

TEST_F(redis_client, refuses_commands_beyond_its_limit) {
    test::redis_script silent{loop_.context(), [](const std::string& command) {
                                  return std::string{command == "PING" ? "+PONG\r\n" : ""};
                              }};
    open(settings_for(silent.url()));
    ASSERT_TRUE(wait_usable());
    std::vector<command> commands;
    for (int i = 0; i < 5000; ++i) {
        commands.push_back(command::of("GET", "key"));
    }
    const auto answers = ask_all(std::move(commands), deadline::in(milliseconds{300}));
    EXPECT_EQ(answers.front().error().code, errc::timeout);
    EXPECT_EQ(answers.back().error().code, errc::unavailable);
    EXPECT_THAT(answers.back().error().text, HasSubstr("too many commands"));
}

TEST_F(redis_client, selects_its_database_and_sets_its_name) {
    const test::redis_server server;
    auto chosen = settings_for(server.url() + "/3");
    chosen.client_name = "msd-goods-1";
    open(chosen);
    ASSERT_TRUE(wait_usable());
    EXPECT_TRUE(ask({"SET", "key", "three"}));
    const auto list = server.ask({"CLIENT", "LIST"});
    EXPECT_THAT(list.text, HasSubstr("name=msd-goods-1"));
    EXPECT_THAT(server.ask({"INFO", "keyspace"}).text, HasSubstr("db3:keys=1"));
}

TEST_F(redis_client, converts_error_replies_to_errors) {
    const test::redis_server server;
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    const auto unknown = ask({"NOSUCHCOMMAND"});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, errc::invalid);
    EXPECT_THAT(unknown.error().text, HasSubstr("unknown command"));
    EXPECT_TRUE(ask({"PING"})) << "the connection goes on";
    EXPECT_EQ(client_->counted().connects, 1U);
}

TEST_F(redis_client, fails_writes_at_a_full_server_and_still_reads) {
    const test::redis_server server;
    EXPECT_TRUE(server.ask({"SET", "old", "value"}).is_status("OK"));
    EXPECT_TRUE(server.ask({"CONFIG", "SET", "maxmemory-policy", "noeviction"}).is_status("OK"));
    EXPECT_TRUE(server.ask({"CONFIG", "SET", "maxmemory", "1"}).is_status("OK"));
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    const auto refused = ask({"SET", "new", "value"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::unavailable);
    EXPECT_THAT(refused.error().text, HasSubstr("OOM"));
    EXPECT_EQ(ask({"GET", "old"})->text, "value");
}

TEST_F(redis_client, finds_a_flushed_server_empty) {
    const test::redis_server server;
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    EXPECT_TRUE(ask({"SET", "key", "value"}));
    EXPECT_TRUE(server.ask({"FLUSHALL"}).is_status("OK"));
    EXPECT_TRUE(ask({"GET", "key"})->is(reply::kind::nil));
}

TEST_F(redis_client, fails_at_once_while_no_server_listens) {
    const test::reserved_port nobody;
    open(settings_for("redis://127.0.0.1:" + std::to_string(nobody.number())));
    loop_.run_until([this] { return client_->counted().failures > 0; });
    EXPECT_FALSE(client_->usable());
    const auto refused = ask({"PING"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::unavailable);
    EXPECT_THAT(client_->trouble(), HasSubstr("refused"));
}

TEST_F(redis_client, reconnects_after_the_server_was_killed_and_restarted) {
    test::redis_server server;
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    EXPECT_TRUE(ask({"SET", "key", "value"}));
    server.kill();
    wait_lost();
    EXPECT_EQ(ask({"GET", "key"}).error().code, errc::unavailable);
    server.start();
    ASSERT_TRUE(wait_usable());
    EXPECT_TRUE(ask({"GET", "key"})->is(reply::kind::nil));
    EXPECT_EQ(client_->counted().connects, 2U);
}

TEST_F(redis_client, fails_all_waiting_calls_at_once_when_the_connection_breaks) {
    test::redis_server server;
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    server.hang();
    std::vector<command> commands(100, command::of("PING"));
    bool killed = false;
    asio::steady_timer soon_after{loop_.context(), milliseconds{50}};
    soon_after.async_wait([&](const asio::error_code&) {
        server.kill();
        killed = true;
    });
    const auto answers = ask_all(std::move(commands), soon());
    EXPECT_TRUE(killed);
    for (const auto& each : answers) {
        ASSERT_FALSE(each);
        EXPECT_EQ(each.error().code, errc::closed);
    }
}

TEST_F(redis_client, does_not_use_a_hung_server_from_the_first_timeout_to_the_next_pong) {
    const test::redis_server server;
    auto chosen = settings_for(server.url());
    chosen.timeout = milliseconds{100};
    chosen.connect_timeout = milliseconds{500};
    open(chosen);
    ASSERT_TRUE(wait_usable());
    server.hang();
    std::vector<command> commands(10, command::of("PING"));
    const auto answers = ask_all(std::move(commands), deadline::in(chosen.timeout));
    for (const auto& each : answers) {
        ASSERT_FALSE(each);
        EXPECT_EQ(each.error().code, errc::timeout) << each.error().text;
    }
    EXPECT_EQ(ask({"PING"}).error().code, errc::unavailable) << "no later call waits";
    loop_.run_until([this] { return client_->counted().failures > 1; });
    EXPECT_FALSE(client_->usable()) << "the kernel takes connections, Redis does not answer";
    server.wake();
    ASSERT_TRUE(wait_usable());
    EXPECT_TRUE(ask({"PING"}));
}

TEST_F(redis_client, detects_a_hung_server_without_calls) {
    const test::redis_server server;
    auto chosen = settings_for(server.url());
    chosen.timeout = milliseconds{100};
    chosen.probe_every = milliseconds{100};
    open(chosen);
    ASSERT_TRUE(wait_usable());
    server.hang();
    wait_lost();
    EXPECT_THAT(client_->trouble(), HasSubstr("did not answer in time"));
    server.wake();
}

TEST_F(redis_client, keeps_the_connection_when_a_caller_with_a_short_deadline_gives_up) {
    int asked = 0;
    test::redis_script slow{loop_.context(), [&asked](const std::string& command) {
                                asked += command == "GET key" ? 1 : 0;
                                // The first command is answered together with the second.
                                return std::string{
                                    command == "PING" ? "+PONG\r\n"
                                    : asked == 2      ? "$5\r\nfirst\r\n$6\r\nsecond\r\n"
                                                      : ""};
                            }};
    open(settings_for(slow.url()));
    ASSERT_TRUE(wait_usable());
    const auto hasty = ask({"GET", "key"}, deadline::in(milliseconds{20}));
    ASSERT_FALSE(hasty);
    EXPECT_EQ(hasty.error().code, errc::timeout);
    EXPECT_TRUE(client_->usable());
    EXPECT_EQ(ask({"GET", "key"})->text, "second") << "the late reply is nobody else's";
}

} // namespace
} // namespace msd::store::redis
