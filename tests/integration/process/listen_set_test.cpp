// SPDX-License-Identifier: Apache-2.0
#include "process/listen_set.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

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

TEST(listen_on, listens_on_one_address_when_told_to) {
    const auto made = listen_on("127.0.0.2", 0);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(made->host, "127.0.0.2");
    EXPECT_EQ(made->sockets.size(), 1U);
}

TEST(listen_on, takes_a_mapped_address_for_ipv4) {
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

TEST(listen_on, can_have_a_port_again_at_once) {
    auto first = listen_on("", 0);
    ASSERT_TRUE(first);
    const std::uint16_t port = first->port;
    first->sockets.clear();
    const auto second = listen_on("", port);
    EXPECT_TRUE(second) << second.error().text;
}

TEST(listen_on, refuses_an_address_of_another_machine) {
    const auto made = listen_on("192.0.2.1", 0);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, errc::invalid);
    EXPECT_EQ(made.error().text, "cannot listen on 192.0.2.1:0: Cannot assign requested address");
}

TEST(listen_on, refuses_a_name_that_means_nothing) {
    const auto made = listen_on("no such host", 0);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, errc::invalid);
    EXPECT_TRUE(made.error().text.starts_with("cannot listen on 'no such host': "));
}

TEST(endpoint_text, writes_ipv6_in_brackets) {
    EXPECT_EQ(endpoint_text("127.0.0.1", 80), "127.0.0.1:80");
    EXPECT_EQ(endpoint_text("::1", 80), "[::1]:80");
}

} // namespace
} // namespace msd::process
