// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.hpp"
#include "integration/process/own_directory.hpp"
#include "process/control_client.hpp"
#include "process/control_server.hpp"
#include "process/unix_address.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::process {
namespace {

namespace fs = std::filesystem;

using control_sockets = own_directory;

// Serves until `question` has its result.
template <class Question>
auto while_served(control_server& server, Question question) {
    auto outcome = std::async(std::launch::async, question);
    while (outcome.wait_for(milliseconds{0}) != std::future_status::ready) {
        pollfd one{server.descriptor(), POLLIN, 0};
        if (poll(&one, 1, 5) > 0) {
            server.serve(clock::now());
        }
    }
    return outcome.get();
}

control_server::handler echo() {
    return [](std::string_view command) {
        return fmt::format("<{}>", command);
    };
}

unique_fd connected(const fs::path& path) {
    unique_fd fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto address = unix_address(path);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address), 0);
    return fd;
}

std::string received_until_end(int fd, std::size_t bytes) {
    std::string text;
    std::array<char, 256> buffer{};
    while (text.size() < bytes) {
        const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) {
            return text + "<end>";
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
}

TEST_F(control_sockets, are_accessible_for_owner_and_group_only) {
    const auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    struct stat facts {};
    ASSERT_EQ(stat(file("a.sock").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0660U);
}

TEST_F(control_sockets, answer_a_command) {
    auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    const auto answer = while_served(*server, [path = file("a.sock")] {
        return ask_master(path, "hello", deadline::in(std::chrono::seconds{20}));
    });
    ASSERT_TRUE(answer) << answer.error().text;
    EXPECT_EQ(*answer, "<hello>");
}

TEST_F(control_sockets, send_a_long_answer_to_a_slow_reader) {
    const std::string long_text(8u << 20, 'x');
    auto server =
        control_server::listen_at(file("a.sock"), [&](std::string_view) { return long_text; });
    ASSERT_TRUE(server);
    const auto answer = while_served(*server, [path = file("a.sock")] {
        return ask_master(path, "", deadline::in(std::chrono::seconds{20}));
    });
    ASSERT_TRUE(answer) << answer.error().text;
    EXPECT_EQ(answer->size(), long_text.size());
}

TEST_F(control_sockets, answer_commands_that_arrive_together_or_in_pieces) {
    auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    const unique_fd client = connected(file("a.sock"));
    const std::string text = while_served(*server, [&client] {
        send(client.get(), "a\nb\nc", 5, MSG_NOSIGNAL);
        const std::string first = received_until_end(client.get(), 8);
        send(client.get(), "d\n", 2, MSG_NOSIGNAL);
        return first + received_until_end(client.get(), 5);
    });
    EXPECT_EQ(text, "<a>\n<b>\n<cd>\n");
}

TEST_F(control_sockets, close_a_client_whose_command_is_too_long) {
    auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    const unique_fd client = connected(file("a.sock"));
    const std::string endless(3 * control_server::command_bytes_max, 'x');
    const std::string text = while_served(*server, [&] {
        send(client.get(), endless.data(), endless.size(), MSG_NOSIGNAL);
        return received_until_end(client.get(), 1);
    });
    EXPECT_EQ(text, "<end>");
}

TEST_F(control_sockets, answer_later_and_read_no_further_command_before) {
    std::vector<std::string> asked;
    auto server = control_server::listen_at(file("a.sock"), [&](std::string_view command) {
        asked.emplace_back(command);
        return command == "now" ? control_answer{"<now>"} : control_answer::later(asked.size());
    });
    ASSERT_TRUE(server);
    const unique_fd waits = connected(file("a.sock"));
    unique_fd leaves = connected(file("a.sock"));
    send(waits.get(), "one\nnow\n", 8, MSG_NOSIGNAL);
    send(leaves.get(), "two\n", 4, MSG_NOSIGNAL);
    const deadline limit = deadline::in(std::chrono::seconds{20});
    while (asked.size() < 2 && !limit.passed()) {
        server->serve(clock::now());
    }
    ASSERT_EQ(asked, (std::vector<std::string>{"one", "two"}));
    const unique_fd other = connected(file("a.sock"));
    const std::string meanwhile = while_served(*server, [&other] {
        send(other.get(), "now\n", 4, MSG_NOSIGNAL);
        return received_until_end(other.get(), 6);
    });
    EXPECT_EQ(meanwhile, "<now>\n");
    leaves.reset();
    server->serve(clock::now());
    server->answer(2, "nobody waits", clock::now());
    server->answer(99, "no such question", clock::now());
    server->answer(1, "<one>", clock::now());
    const std::string text =
        while_served(*server, [&waits] { return received_until_end(waits.get(), 12); });
    EXPECT_EQ(text, "<one>\n<now>\n");
}

TEST_F(control_sockets, close_the_oldest_client_when_there_are_too_many) {
    auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    std::vector<unique_fd> clients;
    for (std::size_t i = 0; i <= control_server::clients_max; ++i) {
        clients.push_back(connected(file("a.sock")));
        server->serve(clock::now());
    }
    EXPECT_EQ(received_until_end(clients.front().get(), 1), "<end>");
    const std::string text = while_served(*server, [&clients] {
        send(clients.back().get(), "z\n", 2, MSG_NOSIGNAL);
        return received_until_end(clients.back().get(), 4);
    });
    EXPECT_EQ(text, "<z>\n");
}

TEST_F(control_sockets, close_an_idle_client) {
    auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    const time_point now = clock::now();
    EXPECT_EQ(server->next_due(), time_point::max());
    const unique_fd client = connected(file("a.sock"));
    server->serve(now);
    EXPECT_EQ(server->next_due(), now + control_server::client_timeout);
    server->expire(now + control_server::client_timeout);
    EXPECT_EQ(server->next_due(), time_point::max());
    EXPECT_EQ(received_until_end(client.get(), 1), "<end>");
}

TEST_F(control_sockets, replace_the_socket_of_a_killed_master) {
    std::ofstream{file("a.sock")} << "x";
    EXPECT_TRUE(control_server::listen_at(file("a.sock"), echo()));
    EXPECT_FALSE(fs::exists(file("a.sock"))); // the server has removed it
}

TEST_F(control_sockets, distinguish_a_missing_socket_from_one_without_listener) {
    const deadline until = deadline::in(std::chrono::seconds{20});
    EXPECT_EQ(ask_master(file("none.sock"), "", until).error().code, errc::not_found);
    {
        const unique_fd bound{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const auto address = unix_address(file("left.sock"));
        ASSERT_EQ(
            bind(bound.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address),
            0
        );
    }
    EXPECT_EQ(ask_master(file("left.sock"), "", until).error().code, errc::refused);
}

TEST_F(control_sockets, time_out_when_the_master_does_not_answer) {
    const auto server = control_server::listen_at(file("a.sock"), echo());
    ASSERT_TRUE(server);
    const auto answer = ask_master(file("a.sock"), "hello", deadline::in(milliseconds{20}));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, errc::timeout);
}

TEST_F(control_sockets, report_a_path_that_is_too_long) {
    const fs::path longest = "/" + std::string(106, 'x');
    EXPECT_TRUE(unix_address(longest));
    const fs::path too_long = longest.native() + "x";
    const auto server = control_server::listen_at(too_long, echo());
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, errc::invalid);
    EXPECT_EQ(
        server.error().text,
        too_long.native() +
            ": 108 bytes, but the path of a socket has at most 107; choose a shorter --runtime-dir"
    );
}

} // namespace
} // namespace msd::process
