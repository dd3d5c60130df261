// SPDX-License-Identifier: Apache-2.0
// Tests of the test server itself, which other tests rely on.
#include "integration/store/mariadb_server.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <tuple>

namespace msd::test {
namespace {

TEST(mariadb_server, answers_in_utf8mb4) {
    mariadb_server server;
    EXPECT_EQ(server.value("SELECT @@port"), std::to_string(server.port()));
    EXPECT_EQ(server.value("SELECT HEX('\U0001F58A\u00b6')"), "F09F968AC2B6");
    EXPECT_EQ(server.value("SELECT @@read_only"), "0");
    EXPECT_EQ(server.value("SELECT 'a\tb\nc'"), "a\tb\nc");
}

TEST(mariadb_server, keeps_its_port_and_data_after_a_stop_and_a_kill) {
    mariadb_server server;
    const auto port = server.port();
    server.query("CREATE TABLE t (id INT) ENGINE=InnoDB; INSERT INTO t VALUES (1)");
    server.restart();
    server.query("INSERT INTO t VALUES (2)");
    server.kill();
    EXPECT_FALSE(server.running());
    server.start();
    EXPECT_EQ(server.port(), port);
    EXPECT_EQ(server.value("SELECT COUNT(*) FROM t"), "2");
}

TEST(mariadb_server, continues_after_a_freeze) {
    mariadb_server server;
    server.freeze();
    EXPECT_TRUE(server.running());
    server.thaw();
    EXPECT_EQ(server.value("SELECT 1"), "1");
}

TEST(mariadb_server, replicates_another_server) {
    mariadb_server primary{{.server_id = 1}};
    mariadb_server replica{{.read_only = true, .server_id = 2}};
    replica.replicate(primary);
    primary.query("CREATE TABLE t (id INT); INSERT INTO t VALUES (7)");
    EXPECT_TRUE(eventually([&] {
        const auto there = "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 't'";
        return replica.value(there) == "1" && replica.value("SELECT COUNT(*) FROM t") == "1";
    }));
}

TEST(mariadb_server, offers_tls_when_configured) {
    mariadb_server server{{.tls = true}};
    EXPECT_EQ(server.value("SELECT @@have_ssl"), "YES");
    mariadb_server plain;
    EXPECT_EQ(plain.value("SELECT @@have_ssl"), "DISABLED");
}

TEST(mariadb_server, reports_why_it_did_not_start) {
    try {
        const mariadb_server server{{.options = {"--no-such-option"}}};
        FAIL() << "it started";
    } catch (const std::runtime_error& wrong) {
        EXPECT_NE(std::string{wrong.what()}.find("no-such-option"), std::string::npos);
    }
}

TEST(mariadb_server, names_the_package_of_a_missing_program) {
    try {
        std::ignore = installed_program("no-such-program", "no-such-package");
        FAIL() << "it was found";
    } catch (const std::runtime_error& wrong) {
        EXPECT_NE(std::string{wrong.what()}.find("no-such-package"), std::string::npos);
    }
}

TEST(mariadb_server, ends_when_the_test_is_killed) {
    const temporary_directory left_behind;
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const unique_fd reading{ends[0]};
    const unique_fd writing{ends[1]};
    const pid_t test = ::fork();
    if (test == 0) {
        ::setenv("TMPDIR", left_behind.path().c_str(), 1);
        const mariadb_server server;
        const pid_t pid = server.pid();
        [[maybe_unused]] const auto told = ::write(writing.get(), &pid, sizeof pid);
        ::raise(SIGKILL);
    }
    pid_t server = 0;
    ASSERT_EQ(::read(reading.get(), &server, sizeof server), ssize_t{sizeof server});
    ::waitpid(test, nullptr, 0);
    EXPECT_TRUE(eventually([server] { return process_state(server) == 'Z'; }));
}

} // namespace
} // namespace msd::test
