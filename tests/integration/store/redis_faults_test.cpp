// SPDX-License-Identifier: Apache-2.0
#include "integration/store/redis_script.hpp"
#include "integration/store/redis_server.hpp"
#include "integration/store/redis_test.hpp"

#include <gmock/gmock.h>
#include <string>
#include <utility>

namespace msd::store::redis {
namespace {

using testing::HasSubstr;

// Servers that misbehave or are of the wrong kind.
class redis_faults : public test::redis_test {
protected:
    /// The reason why the client does not use the server.
    std::string complaint() {
        loop_.run_until([this] { return client_->counted().failures > 0; });
        EXPECT_FALSE(client_->usable());
        EXPECT_EQ(ask({"PING"}).error().code, errc::unavailable);
        return client_->trouble();
    }
};

// A script that answers GET with these bytes.
test::redis_script::answer answering(std::string bytes) {
    return [bytes = std::move(bytes)](const std::string& command) {
        return command == "PING" ? std::string{"+PONG\r\n"} : bytes;
    };
}

TEST_F(redis_faults, closes_a_connection_that_sends_garbage) {
    const test::redis_script server{loop_.context(), answering("!garbage\r\n")};
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    const auto outcome = ask({"GET", "key"});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, errc::malformed);
    EXPECT_THAT(outcome.error().text, HasSubstr("sent no reply"));
    EXPECT_TRUE(wait_usable()) << "on another connection";
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(redis_faults, closes_a_connection_that_sends_unasked_replies) {
    const test::redis_script server{loop_.context(), answering("$1\r\nx\r\n$1\r\ny\r\n")};
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    EXPECT_EQ(ask({"GET", "key"})->text, "x");
    wait_lost();
    EXPECT_THAT(client_->trouble(), HasSubstr("bytes without a request"));
}

TEST_F(redis_faults, refuses_a_reply_over_the_limit_by_its_announced_size) {
    const test::redis_script server{loop_.context(), answering("$2000000000\r\nx")};
    auto chosen = settings_for(server.url());
    chosen.reply_bytes_max = 1 << 20;
    open(chosen);
    ASSERT_TRUE(wait_usable());
    const auto outcome = ask({"GET", "key"});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, errc::too_large);
}

TEST_F(redis_faults, accepts_replies_up_to_the_limit) {
    const test::redis_server server;
    auto chosen = settings_for(server.url());
    chosen.reply_bytes_max = 1 << 20;
    open(chosen);
    ASSERT_TRUE(wait_usable());
    EXPECT_TRUE(ask({"SET", "fits", std::string(1 << 20, 'x')}));
    EXPECT_TRUE(ask({"SET", "over", std::string((1 << 20) + 1, 'x')}));
    EXPECT_EQ(ask({"GET", "fits"})->text.size(), std::size_t{1} << 20);
    EXPECT_EQ(ask({"GET", "over"}).error().code, errc::too_large);
    ASSERT_TRUE(wait_usable());
    EXPECT_TRUE(ask({"PING"}));
}

TEST_F(redis_faults, times_out_at_a_server_that_sends_byte_by_byte) {
    test::redis_script server{loop_.context(), answering("$100\r\n" + std::string(100, 'x'))};
    auto chosen = settings_for(server.url());
    chosen.timeout = milliseconds{200};
    open(chosen);
    ASSERT_TRUE(wait_usable());
    server.dribble(milliseconds{20});
    const auto outcome = ask({"GET", "key"}, deadline::in(chosen.timeout));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, errc::timeout) << "bytes are no answer";
    loop_.run_until([this] { return client_->counted().timeouts > 0; });
    EXPECT_FALSE(client_->usable());
}

TEST_F(redis_faults, detects_a_server_that_is_not_redis) {
    const test::redis_script server{
        loop_.context(),
        answering("HTTP/1.1 400 Bad Request\r\n"),
        test::redis_script::greeting::by_script};
    open(settings_for(server.url()));
    EXPECT_THAT(complaint(), HasSubstr("sent no reply"));
}

TEST_F(redis_faults, backs_off_from_a_server_that_closes_connections) {
    test::redis_script server{loop_.context(), answering("!")};
    open(settings_for(server.url()));
    const auto end = deadline::in(milliseconds{1500});
    while (!end.passed()) {
        if (client_->usable()) {
            EXPECT_FALSE(ask({"GET", "key"}));
        }
        loop_.wait(client_->became_usable(end));
    }
    EXPECT_LT(server.connections(), 12);
    EXPECT_GT(server.connections(), 2);
}

TEST_F(redis_faults, logs_in_with_the_password) {
    const test::redis_server server{{.password = "correct horse"}};
    auto chosen = settings_for(server.url());
    chosen.password = "correct horse";
    open(chosen);
    ASSERT_TRUE(wait_usable());
    EXPECT_TRUE(ask({"SET", "key", "value"}));
}

TEST_F(redis_faults, logs_in_as_a_user) {
    const test::redis_server server;
    server.ask({"ACL", "SETUSER", "msd", "on", ">secret", "~*", "+@all"});
    server.ask({"ACL", "SETUSER", "default", "off"});
    auto chosen = settings_for("redis://msd@" + server.address());
    chosen.password = "secret";
    open(chosen);
    ASSERT_TRUE(wait_usable());
    EXPECT_EQ(ask({"ACL", "WHOAMI"})->text, "msd");
}

TEST_F(redis_faults, reports_a_wrong_password_without_repeating_it) {
    const test::redis_server server{{.password = "right"}};
    auto chosen = settings_for(server.url());
    chosen.password = "topsecret";
    open(chosen);
    const std::string said = complaint();
    EXPECT_THAT(said, HasSubstr("WRONGPASS"));
    EXPECT_THAT(said, testing::Not(HasSubstr("topsecret")));
}

TEST_F(redis_faults, hides_a_password_that_a_server_repeats) {
    const test::redis_server server{{.lines = {"rename-command AUTH \"\""}}};
    auto chosen = settings_for(server.url());
    chosen.password = "topsecret";
    open(chosen);
    EXPECT_THAT(complaint(), testing::AllOf(HasSubstr("AUTH"), testing::Not(HasSubstr("secret"))));
}

TEST_F(redis_faults, reports_a_missing_password) {
    const test::redis_server server{{.password = "right"}};
    open(settings_for(server.url()));
    EXPECT_THAT(complaint(), HasSubstr("NOAUTH"));
}

TEST_F(redis_faults, does_not_write_to_a_replica) {
    const test::redis_server master;
    const test::redis_server replica;
    replica.ask({"REPLICAOF", "127.0.0.1", std::to_string(master.port())});
    open(settings_for(replica.url()));
    EXPECT_THAT(complaint(), HasSubstr("is a replica"));
    replica.ask({"REPLICAOF", "NO", "ONE"});
    EXPECT_TRUE(wait_usable());
}

TEST_F(redis_faults, leaves_a_server_that_becomes_a_replica) {
    const test::redis_server master;
    const test::redis_server server;
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    server.ask({"REPLICAOF", "127.0.0.1", std::to_string(master.port())});
    const auto refused = ask({"SET", "key", "value"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::unavailable);
    wait_lost();
    EXPECT_THAT(complaint(), HasSubstr("replica"));
}

// TLS.
class redis_tls : public redis_faults {
protected:
    [[nodiscard]] client_settings encrypted(const std::string& host, std::uint16_t port) {
        auto chosen = settings_for("rediss://" + host + ":" + std::to_string(port));
        chosen.ca_file = certificates_.authority;
        return chosen;
    }

    test::temporary_directory directory_;
    test::certificates certificates_{directory_.path()};
    test::redis_server server_{{.tls = &certificates_}};
};

TEST_F(redis_tls, uses_tls_with_a_trusted_server) {
    open(encrypted("localhost", server_.tls_port()));
    ASSERT_TRUE(wait_usable());
    const std::string large(3 << 20, 'x');
    EXPECT_TRUE(ask({"SET", "key", large}));
    EXPECT_EQ(ask({"GET", "key"})->text, large);
    std::vector<command> commands(1000, command::of("ECHO", "many"));
    for (const auto& each : ask_all(std::move(commands), soon())) {
        ASSERT_TRUE(each) << each.error().text;
        EXPECT_EQ(each->text, "many");
    }
}

TEST_F(redis_tls, reconnects_after_a_restart) {
    open(encrypted("localhost", server_.tls_port()));
    ASSERT_TRUE(wait_usable());
    server_.kill();
    wait_lost();
    server_.start();
    ASSERT_TRUE(wait_usable());
    EXPECT_TRUE(ask({"PING"}));
}

TEST_F(redis_tls, refuses_a_certificate_of_an_unknown_authority) {
    const test::temporary_directory elsewhere;
    const test::certificates others{elsewhere.path()};
    auto chosen = encrypted("localhost", server_.tls_port());
    chosen.ca_file = others.authority;
    open(chosen);
    EXPECT_THAT(complaint(), HasSubstr("certificate is refused"));
}

TEST_F(redis_tls, refuses_a_certificate_for_another_name) {
    open(encrypted("127.0.0.1", server_.tls_port()));
    EXPECT_THAT(complaint(), HasSubstr("certificate is refused: IP address mismatch"));
}

TEST_F(redis_tls, refuses_a_certificate_for_another_host) {
    auto chosen = encrypted("localhost", server_.tls_port());
    chosen.tls_name = "db.example";
    open(chosen);
    EXPECT_THAT(complaint(), HasSubstr("certificate is refused: hostname mismatch"));
}

TEST_F(redis_tls, verifies_the_configured_name) {
    auto chosen = encrypted("127.0.0.1", server_.tls_port());
    chosen.tls_name = "localhost";
    open(chosen);
    EXPECT_TRUE(wait_usable());
}

TEST_F(redis_tls, refuses_a_server_without_tls) {
    open(encrypted("localhost", server_.port()));
    EXPECT_THAT(complaint(), HasSubstr("TLS"));
}

TEST_F(redis_tls, reports_a_tls_port_that_is_used_without_tls) {
    open(settings_for("redis://127.0.0.1:" + std::to_string(server_.tls_port())));
    EXPECT_FALSE(complaint().empty());
}

TEST_F(redis_tls, times_out_in_the_tls_handshake) {
    auto chosen = encrypted("localhost", server_.tls_port());
    chosen.connect_timeout = milliseconds{300};
    server_.hang();
    open(chosen);
    EXPECT_THAT(complaint(), HasSubstr("TLS"));
    server_.wake();
    EXPECT_TRUE(wait_usable());
}

TEST_F(redis_tls, needs_a_file_with_certificates) {
    auto chosen = encrypted("localhost", server_.tls_port());
    chosen.ca_file = directory_.path() / "none.pem";
    const auto refused = redis::open(loop_.executor(), chosen);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::invalid);
    EXPECT_THAT(refused.error().text, HasSubstr("none.pem"));
}

// Subscriptions.
class redis_messages : public test::redis_test {
protected:
    struct heard {
        std::vector<std::string> messages;
        std::vector<bool> changes;
    };

    void subscribe(std::vector<std::string> channels) {
        subscription to;
        to.channels = std::move(channels);
        to.on_message = [this](std::string_view channel, std::string_view message) {
            heard_.messages.push_back(std::string{channel} + "=" + std::string{message});
        };
        to.on_change = [this](bool listening) {
            heard_.changes.push_back(listening);
        };
        client_->subscribe(std::move(to));
    }
    void wait_changes(std::size_t count) {
        loop_.run_until([this, count] { return heard_.changes.size() >= count; });
    }
    void wait_messages(std::size_t count) {
        loop_.run_until([this, count] { return heard_.messages.size() >= count; });
    }

    heard heard_;
};

TEST_F(redis_messages, arrive_from_all_channels_in_order) {
    const test::redis_server server;
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    subscribe({"a", "b"});
    wait_changes(1);
    EXPECT_EQ(ask({"PUBLISH", "a", "1"})->integer, 1);
    EXPECT_EQ(ask({"PUBLISH", "b", "message"})->integer, 1);
    EXPECT_EQ(ask({"PUBLISH", "c", "3"})->integer, 0);
    EXPECT_EQ(ask({"PUBLISH", "a", ""})->integer, 1);
    wait_messages(3);
    EXPECT_THAT(heard_.messages, testing::ElementsAre("a=1", "b=message", "a="));
}

TEST_F(redis_messages, are_reported_as_incomplete_after_a_lost_connection) {
    test::redis_server server;
    open(settings_for(server.url()));
    subscribe({"a"});
    wait_changes(1);
    server.kill();
    wait_changes(2);
    server.start();
    wait_changes(3);
    EXPECT_THAT(heard_.changes, testing::ElementsAre(true, false, true));
    server.ask({"PUBLISH", "a", "again"});
    wait_messages(1);
}

TEST_F(redis_messages, are_reported_as_incomplete_while_the_server_hangs) {
    const test::redis_server server;
    auto chosen = settings_for(server.url());
    chosen.timeout = milliseconds{200};
    chosen.probe_every = milliseconds{100};
    chosen.connect_timeout = milliseconds{1000};
    open(chosen);
    subscribe({"a"});
    wait_changes(1);
    server.hang();
    wait_changes(2);
    EXPECT_FALSE(heard_.changes[1]);
    server.wake();
    wait_changes(3);
    EXPECT_TRUE(heard_.changes[2]);
}

TEST_F(redis_messages, arrive_in_large_numbers) {
    const test::redis_server server;
    open(settings_for(server.url()));
    ASSERT_TRUE(wait_usable());
    subscribe({"a"});
    wait_changes(1);
    std::vector<command> commands(3000, command::of("PUBLISH", "a", "x"));
    for (const auto& each : ask_all(std::move(commands), soon())) {
        ASSERT_TRUE(each);
    }
    wait_messages(3000);
}

} // namespace
} // namespace msd::store::redis
