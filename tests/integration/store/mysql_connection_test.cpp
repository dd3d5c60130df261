// SPDX-License-Identifier: Apache-2.0
// The silent errors of the driver that store/mysql/connection works around.
#include "base/deadline.hpp"
#include "integration/store/mysql_test.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <vector>

namespace msd::test {
namespace {

using store::tls_mode;
using store::mysql::connection;
using store::mysql::failure_kind;
using store::mysql::query;

class mysql_connection : public testing::Test {
protected:
    mariadb_server server_;
    connection on_ = connect(address_of(server_));
};

TEST_F(mysql_connection, sets_up_its_session_under_any_defaults_of_the_server) {
    server_.query("SET GLOBAL time_zone = '+09:00'; SET GLOBAL sql_mode = ''; "
                  "SET GLOBAL character_set_server = latin1; SET GLOBAL autocommit = 0");
    auto on = connect(address_of(server_));
    query session{
        on,
        "SELECT @@time_zone, @@sql_mode, @@character_set_client, @@character_set_results, "
        "@@tx_isolation, DATABASE(), IF(@@autocommit, 'commits', 'does not')"};
    ASSERT_TRUE(session.next().value());
    EXPECT_EQ(session.text(0), "+00:00");
    EXPECT_EQ(session.text(1), "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION");
    EXPECT_EQ(session.text(2), "utf8mb4");
    EXPECT_EQ(session.text(3), "utf8mb4");
    EXPECT_EQ(session.text(4), "READ-COMMITTED");
    EXPECT_EQ(session.text(5), "msd");
    EXPECT_EQ(session.text(6), "commits");
}

TEST_F(mysql_connection, refuses_a_number_that_does_not_fit) {
    query largest{on_, "SELECT CAST(9223372036854775807 AS UNSIGNED)"};
    ASSERT_TRUE(largest.next().value());
    EXPECT_EQ(largest.integer(0), 9223372036854775807);
    query wrapping{on_, "SELECT CAST(9223372036854775808 AS UNSIGNED)"};
    const auto row = wrapping.next();
    ASSERT_FALSE(row) << "read as " << wrapping.integer(0);
    EXPECT_EQ(row.error().code, errc::internal);
}

TEST_F(mysql_connection, can_be_used_again_with_rows_left_unread) {
    EXPECT_TRUE(on_.execute("SELECT 1 UNION SELECT 2 UNION SELECT 3"));
    {
        query numbers{on_, "SELECT 1 UNION SELECT 2 UNION SELECT 3"};
        ASSERT_TRUE(numbers.next().value());
    }
    {
        query open_still{on_, "SELECT 5 UNION SELECT 6"};
        ASSERT_TRUE(open_still.next().value());
        query meanwhile{on_, "SELECT 7"};
        ASSERT_TRUE(meanwhile.next().value());
        EXPECT_EQ(meanwhile.integer(0), 7);
        ASSERT_TRUE(open_still.next().value());
        EXPECT_EQ(open_still.integer(0), 6);
    }
    query again{on_, "SELECT 1 UNION SELECT 2 UNION SELECT 3"};
    ASSERT_TRUE(again.next().value());
    EXPECT_EQ(again.integer(0), 1);
}

TEST_F(mysql_connection, reports_a_failed_commit) {
    ASSERT_TRUE(on_.execute("CREATE TABLE t(id INT) ENGINE=InnoDB"));
    ASSERT_TRUE(on_.begin());
    ASSERT_TRUE(on_.execute("INSERT INTO t VALUES (1)"));
    server_.kill();
    EXPECT_FALSE(on_.commit());
    EXPECT_TRUE(on_.commit_unknown());
    EXPECT_TRUE(on_.lost());
}

TEST_F(mysql_connection, is_never_used_again_after_it_was_lost) {
    const auto id = [this] {
        query own{on_, "SELECT CONNECTION_ID()"};
        EXPECT_TRUE(own.next().value());
        return own.integer(0);
    }();
    server_.query(fmt::format("KILL {}", id));
    EXPECT_FALSE(on_.execute("SET @kept = 1"));
    ASSERT_NE(on_.failed(), nullptr);
    EXPECT_EQ(on_.failed()->kind, failure_kind::lost);
    EXPECT_FALSE(on_.execute("SELECT 1")) << "no new session takes its place";
    EXPECT_FALSE(on_.answers());
}

TEST_F(mysql_connection, counts_rows_that_an_update_matches_without_changing_them) {
    ASSERT_TRUE(on_.execute("CREATE TABLE t(id INT) ENGINE=InnoDB"));
    ASSERT_TRUE(on_.execute("INSERT INTO t VALUES (1), (1)"));
    EXPECT_EQ(query(on_, "UPDATE t SET id = 1").run().value(), 2);
}

TEST_F(mysql_connection, binds_long_after_short_and_short_after_long) {
    const std::string large(3 << 20, 'x');
    for (const std::string& text :
         {std::string{"a"}, large, std::string{}, std::string{"b\0c", 3}}) {
        query echo{on_, "SELECT CAST(? AS CHAR), LENGTH(?)"};
        const auto row = echo.bind(text).bind(text).next();
        ASSERT_TRUE(row) << row.error().text;
        EXPECT_EQ(echo.text(0), text);
        EXPECT_EQ(echo.integer(1), static_cast<std::int64_t>(text.size()));
    }
}

TEST_F(mysql_connection, refuses_a_value_that_would_be_truncated) {
    ASSERT_TRUE(on_.execute("CREATE TABLE t(word VARCHAR(3)) ENGINE=InnoDB"));
    query insert{on_, "INSERT INTO t VALUES (?)"};
    EXPECT_FALSE(insert.bind("four").run());
}

TEST_F(mysql_connection, aborts_a_statement_that_takes_too_long) {
    auto hasty = address_of(server_);
    hasty.call_timeout = milliseconds{900};
    auto on = connect(hasty);
    const auto begun = clock::now();
    EXPECT_FALSE(on.execute("SELECT SLEEP(60)"));
    EXPECT_LT(clock::now() - begun, std::chrono::seconds{20});
    EXPECT_TRUE(on.lost());
    EXPECT_TRUE(eventually([&] {
        return server_.value("SELECT COUNT(*) FROM information_schema.processlist "
                             "WHERE info LIKE 'SELECT SLEEP%'") == "0";
    })) << "what nobody waits for ends at the server too";
}

TEST_F(mysql_connection, never_repeats_the_servers_error_texts) {
    auto wrong = address_of(server_);
    wrong.password = "not-the-password";
    const auto denied = connection::open(wrong);
    ASSERT_FALSE(denied);
    EXPECT_EQ(denied.error().kind, failure_kind::denied);
    EXPECT_EQ(error_of(denied.error()).text, "the server denies access (MySQL error 1045)");
    const auto syntax = on_.execute("SELECT secret FROM nowhere");
    ASSERT_FALSE(syntax);
    EXPECT_EQ(syntax.error().text, "a statement failed (MySQL error 1146)");
}

TEST(mysql_connecting, times_out_at_a_server_that_sends_nothing) {
    mariadb_server server;
    server.freeze();
    auto hasty = address_of(server);
    hasty.connect_timeout = milliseconds{900};
    hasty.call_timeout = milliseconds{900};
    const auto begun = clock::now();
    const auto opened = connection::open(hasty);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, failure_kind::unreachable);
    EXPECT_LT(clock::now() - begun, std::chrono::seconds{20});
}

TEST(mysql_connecting, distinguishes_a_full_server_from_an_unreachable_one) {
    mariadb_server server{{.tls = true, .connections_max = 10}};
    auto address = address_of(server);
    address.tls_ca = server.ca_file();
    std::vector<connection> all;
    for (int i = 0; i < 10; ++i) {
        all.push_back(connect(address));
    }
    for (const auto mode : {tls_mode::off, tls_mode::prefer, tls_mode::verify}) {
        address.tls = mode;
        const auto one_more = connection::open(address);
        ASSERT_FALSE(one_more);
        EXPECT_EQ(one_more.error().kind, failure_kind::full) << one_more.error().code;
    }
}

TEST(mysql_tls, is_required_and_verified_by_verify) {
    mariadb_server plain;
    mariadb_server encrypted{{.tls = true}};
    auto to_plain = address_of(plain);
    auto to_encrypted = address_of(encrypted);
    to_plain.tls = tls_mode::verify;
    to_plain.tls_ca = encrypted.ca_file();
    to_encrypted.tls = tls_mode::verify;
    to_encrypted.tls_ca = encrypted.ca_file();

    EXPECT_FALSE(connect(to_encrypted).facts().tls_cipher.empty());
    const auto without = connection::open(to_plain);
    ASSERT_FALSE(without) << "a server without TLS was accepted";
    EXPECT_EQ(without.error().kind, failure_kind::unreachable);
    to_encrypted.tls_ca.clear();
    const auto untrusted = connection::open(to_encrypted);
    ASSERT_FALSE(untrusted) << "the system's authorities have not signed it";
    EXPECT_EQ(untrusted.error().code, 2026);
}

TEST(mysql_tls, is_refused_when_the_certificate_has_another_name) {
    mariadb_server server{{.tls = true, .options = {"--bind-address=0.0.0.0"}}};
    auto address = address_of(server);
    address.tls = tls_mode::verify;
    address.tls_ca = server.ca_file();
    ASSERT_TRUE(connection::open(address));
    address.host = "127.0.0.2"; // an address of the server that is not in its certificate
    const auto other = connection::open(address);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, 2026);
}

TEST(mysql_tls, is_used_by_prefer_if_the_server_offers_it) {
    mariadb_server plain;
    mariadb_server encrypted{{.tls = true}};
    auto to_plain = address_of(plain);
    auto to_encrypted = address_of(encrypted);
    EXPECT_TRUE(connect(to_plain).facts().tls_cipher.empty());
    EXPECT_FALSE(connect(to_encrypted).facts().tls_cipher.empty());
    to_encrypted.tls = tls_mode::off;
    EXPECT_TRUE(connect(to_encrypted).facts().tls_cipher.empty());
}

} // namespace
} // namespace msd::test
