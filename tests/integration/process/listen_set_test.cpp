// SPDX-License-Identifier: Apache-2.0
#include "integration/process/running_master.hpp"
#include "process/listen_set.hpp"
#include "process/port_owner.hpp"
#include "process/wait_until.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace msd::process {
namespace {

struct bound_address {
    int family = 0;
    std::uint16_t port = 0;
};

bound_address address_of(const unique_fd& socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size);
    sockaddr_in either{}; // both families have the port at the same place
    std::memcpy(&either, &storage, sizeof either);
    return {storage.ss_family, ntohs(either.sin_port)};
}

bool machine_has_ipv6() {
    std::ifstream file{"/proc/net/if_inet6"};
    return file.peek() != std::ifstream::traits_type::eof();
}

TEST(listen_on, listens_on_both_loopbacks_with_one_free_port) {
    const auto made = listen_on("", 0);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(made->host, "127.0.0.1");
    EXPECT_NE(made->port, 0);
    ASSERT_EQ(made->sockets.size(), machine_has_ipv6() ? 2U : 1U);
    EXPECT_EQ(address_of(made->sockets.front()).family, AF_INET);
    for (const unique_fd& socket : made->sockets) {
        EXPECT_EQ(address_of(socket).port, made->port);
        EXPECT_EQ(fcntl(socket.get(), F_GETFD), FD_CLOEXEC);
    }
}

TEST(listen_on, listens_on_one_configured_address) {
    const auto made = listen_on("127.0.0.2", 0);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(made->host, "127.0.0.2");
    EXPECT_EQ(made->sockets.size(), 1U);
}

TEST(listen_on, treats_a_mapped_address_as_ipv4) {
    const auto made = listen_on("::ffff:127.0.0.1", 0);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(made->host, "127.0.0.1");
    EXPECT_EQ(address_of(made->sockets.front()).family, AF_INET);
}

TEST(listen_on, names_the_owner_of_a_taken_port) {
    const auto first = listen_on("", 0);
    ASSERT_TRUE(first);
    const auto second = listen_on("", first->port);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, errc::conflict);
    const std::string start =
        fmt::format("port {0} is taken: 127.0.0.1:{0} belongs to pid {1} (", first->port, getpid());
    EXPECT_TRUE(second.error().text.starts_with(start)) << second.error().text;
}

// A separate process that listens on a free port and then executes `program`; without a program it
// continues. It ends when its input ends.
class other_listener {
public:
    explicit other_listener(const char* program = nullptr) {
        auto listening = listen_on("127.0.0.1", 0);
        EXPECT_TRUE(listening);
        port = listening->port;
        std::array<int, 2> ends{};
        EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
        const unique_fd input{ends[0]};
        end_.reset(ends[1]);
        pid = fork();
        if (pid == 0) {
            dup2(input.get(), STDIN_FILENO);
            end_.reset();
            fcntl(listening->sockets.front().get(), F_SETFD, 0);
            if (program != nullptr) {
                execlp(program, program, nullptr);
            }
            char any = 0;
            [[maybe_unused]] const auto got = read(STDIN_FILENO, &any, 1);
            _exit(0);
        }
    }
    ~other_listener() {
        end();
        waitpid(pid, nullptr, 0);
    }
    other_listener(const other_listener&) = delete;
    other_listener& operator=(const other_listener&) = delete;

    void end() { end_.reset(); }

    std::uint16_t port = 0;
    pid_t pid = -1;

private:
    unique_fd end_;
};

TEST(port_owner, distinguishes_this_program_from_another_one) {
    const other_listener same;
    EXPECT_FALSE(owner_of_port(same.port).is_stranger);
    EXPECT_TRUE(owner_of_port(same.port).text.starts_with(fmt::format("pid {} (", same.pid)));
    const other_listener cat{"cat"};
    const std::string text = fmt::format("pid {} (cat)", cat.pid);
    EXPECT_TRUE(eventually([&] { return owner_of_port(cat.port).text == text; }));
    EXPECT_TRUE(owner_of_port(cat.port).is_stranger);
}

TEST(port_owner, is_empty_when_no_process_listens) {
    const std::uint16_t port = other_listener{}.port;
    EXPECT_EQ(owner_of_port(port).text, "");
    EXPECT_FALSE(owner_of_port(port).is_stranger);
}

TEST(listen_on, waits_for_a_port_that_another_msd_closes_soon) {
    other_listener other;
    auto made = std::async(std::launch::async, [&] { return listen_on("127.0.0.1", other.port); });
    EXPECT_EQ(made.wait_for(wait_step), std::future_status::timeout); // it still waits
    other.end();
    EXPECT_TRUE(made.get());
}

TEST(listen_on, can_bind_a_port_again_at_once) {
    auto first = listen_on("", 0);
    ASSERT_TRUE(first);
    const std::uint16_t port = first->port;
    first->sockets.clear();
    const auto second = listen_on("", port);
    EXPECT_TRUE(second) << second.error().text;
}

// The machine may get such an address later, so the error is not a configuration error.
TEST(listen_on, fails_for_an_address_that_the_machine_does_not_have) {
    const auto made = listen_on("192.0.2.1", 0);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, errc::unavailable);
    EXPECT_EQ(made.error().text, "cannot listen on 192.0.2.1:0: Cannot assign requested address");
}

TEST(listen_on, refuses_an_unknown_name) {
    const auto made = listen_on("no such host", 0);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, errc::invalid);
    EXPECT_TRUE(made.error().text.starts_with("cannot listen on 'no such host': "));
}

TEST(recognize, accepts_sockets_of_an_earlier_master_in_any_order) {
    for (const char* const host : {"", "localhost", "127.0.0.1", "0.0.0.0", "::"}) {
        auto made = listen_on(host, 0);
        ASSERT_TRUE(made) << made.error().text;
        for (const std::uint16_t port : {made->port, std::uint16_t{0}}) {
            std::vector<unique_fd> left = std::move(made->sockets);
            std::reverse(left.begin(), left.end());
            EXPECT_FALSE(recognize(left, host, 1)) << host;
            EXPECT_FALSE(recognize(left, "127.0.0.2", port)) << host;
            EXPECT_FALSE(recognize(left, "no such host", port)) << host;
            auto again = recognize(left, host, port);
            ASSERT_TRUE(again) << host;
            EXPECT_EQ(again->host, made->host);
            EXPECT_EQ(again->port, made->port);
            EXPECT_TRUE(again->was_handed);
            made->sockets = std::move(again->sockets);
        }
    }
}

TEST(recognize, requires_exactly_the_configured_addresses) {
    auto both = listen_on("", 0);
    auto one = listen_on("127.0.0.1", 0);
    ASSERT_TRUE(both && one);
    if (both->sockets.size() == 2) {
        EXPECT_FALSE(recognize(both->sockets, "127.0.0.1", both->port));
        both->sockets.erase(both->sockets.begin());
        EXPECT_FALSE(recognize(both->sockets, "", both->port));
    }
    EXPECT_TRUE(recognize(one->sockets, "", one->port)) << "a machine may have no ::1";
    std::vector<unique_fd> none;
    EXPECT_FALSE(recognize(none, "", 0));
}

TEST(recognize, requires_listening_sockets) {
    auto made = listen_on("127.0.0.1", 0);
    ASSERT_TRUE(made);
    silence(made->sockets);
    EXPECT_FALSE(recognize(made->sockets, "127.0.0.1", 0));
    std::vector<unique_fd> others;
    others.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_FALSE(recognize(others, "127.0.0.1", 0));
}

TEST(silence, frees_the_port_even_if_another_process_has_a_copy) {
    const auto made = listen_on("127.0.0.1", 0);
    ASSERT_TRUE(made);
    std::vector<unique_fd> copies;
    copies.emplace_back(fcntl(made->sockets.front().get(), F_DUPFD_CLOEXEC, 3));
    silence(copies);
    EXPECT_TRUE(listen_on("0.0.0.0", made->port));
}

TEST(endpoint_text, writes_ipv6_in_brackets) {
    EXPECT_EQ(endpoint_text("127.0.0.1", 80), "127.0.0.1:80");
    EXPECT_EQ(endpoint_text("::1", 80), "[::1]:80");
}

// A non-blocking client that connects to the first socket of `to`.
unique_fd begin_to_connect(const listen_set& to) {
    unique_fd client{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(to.port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(client.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at);
    return client;
}

// On loopback a connection is established when connect() returns, unless the kernel ignores it.
bool is_connected(const unique_fd& client) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    return getpeername(client.get(), reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

TEST(hold_new_connections, stops_new_connections_and_keeps_queued_ones) {
    const auto made = listen_on("127.0.0.1", 0);
    ASSERT_TRUE(made);
    const unique_fd before = begin_to_connect(*made);
    ASSERT_TRUE(is_connected(before));
    hold_new_connections(*made);
    const unique_fd after = begin_to_connect(*made);
    EXPECT_FALSE(is_connected(after));
    const unique_fd accepted{accept(made->sockets.front().get(), nullptr, nullptr)};
    ASSERT_TRUE(accepted);
    EXPECT_EQ(send(before.get(), "x", 1, MSG_NOSIGNAL), 1);
    char text = 0;
    EXPECT_EQ(recv(accepted.get(), &text, 1, 0), 1);
}

TEST(hold_new_connections, does_not_affect_sockets_that_the_service_manager_also_has) {
    auto made = listen_on("127.0.0.1", 0);
    ASSERT_TRUE(made);
    const listen_set handed = adopt(std::move(made->sockets));
    hold_new_connections(handed);
    EXPECT_TRUE(is_connected(begin_to_connect(handed)));
}

TEST(hold_new_connections, ends_when_another_master_takes_the_socket) {
    auto made = listen_on("127.0.0.1", 0);
    ASSERT_TRUE(made);
    hold_new_connections(*made);
    const listen_set handed = adopt(std::move(made->sockets));
    EXPECT_TRUE(is_connected(begin_to_connect(handed)));
}

} // namespace
} // namespace msd::process
