// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.hpp"
#include "process/listen_set.hpp"
#include "process/service_manager.hpp"
#include "process/unix_address.hpp"

#include <fmt/format.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::process {
namespace {

constexpr core::instance_condition serving{true, false, "ready"};

// A service manager for the tests: its socket, and the environment variables that name it.
class notifications : public testing::Test {
protected:
    notifications() {
        std::string path = testing::TempDir() + "msd-notify-XXXXXX";
        EXPECT_NE(mkdtemp(path.data()), nullptr);
        directory_ = path;
        const auto address = unix_address(directory_ / "notify");
        const auto* const where = reinterpret_cast<const sockaddr*>(&*address);
        EXPECT_EQ(bind(socket_.get(), where, sizeof *address), 0);
        EXPECT_EQ(connect(other_.get(), where, sizeof *address), 0);
        set("NOTIFY_SOCKET", directory_ / "notify");
    }

    ~notifications() override {
        for (const char* const name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
            unsetenv(name); // NOLINT(concurrency-mt-unsafe)
        }
        std::filesystem::remove_all(directory_);
    }

    static void set(const char* name, const std::string& value) {
        setenv(name, value.c_str(), 1); // NOLINT(concurrency-mt-unsafe)
    }

    [[nodiscard]] std::string told() const {
        std::array<char, 512> text{};
        const ssize_t got = recv(socket_.get(), text.data(), text.size(), MSG_DONTWAIT);
        return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
    }

    // Fills the manager's queue with other messages.
    void keep_busy() const {
        while (send(other_.get(), "STATUS=", 7, MSG_DONTWAIT) > 0) {
        }
        EXPECT_EQ(errno, EAGAIN);
    }
    void be_free() const {
        while (told() == "STATUS=") {
        }
    }

    // The descriptors of the next datagram.
    [[nodiscard]] std::vector<unique_fd> handed() const {
        std::array<char, 512> text{};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> space{};
        iovec into{text.data(), text.size()};
        msghdr message{};
        message.msg_iov = &into;
        message.msg_iovlen = 1;
        message.msg_control = space.data();
        message.msg_controllen = space.size();
        EXPECT_GT(recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), 0);
        std::vector<unique_fd> descriptors;
        const cmsghdr* const header = CMSG_FIRSTHDR(&message);
        const std::size_t bytes = header == nullptr ? 0 : header->cmsg_len - CMSG_LEN(0);
        for (std::size_t at = 0; at < bytes; at += sizeof(int)) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(header) + at, sizeof descriptor);
            descriptors.emplace_back(descriptor);
        }
        return descriptors;
    }

private:
    std::filesystem::path directory_;
    unique_fd socket_{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    unique_fd other_{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(notifications, reach_the_service_manager_with_the_pid) {
    service_manager manager;
    manager.report(serving, clock::now());
    EXPECT_EQ(told(), fmt::format("READY=1\nSTATUS=ready\nMAINPID={}\n", getpid()));
    manager.report(serving, clock::now());
    EXPECT_EQ(told(), "");
    EXPECT_EQ(manager.due(), time_point::max());
}

TEST_F(notifications, report_the_begin_and_end_of_a_reload) {
    service_manager manager;
    manager.report(serving, clock::now());
    (void)told();
    const time_point now{std::chrono::seconds{7}};
    manager.reload_begins(now);
    EXPECT_EQ(told(), fmt::format("RELOADING=1\nMONOTONIC_USEC=7000000\nMAINPID={}\n", getpid()));
    manager.reload_ends();
    EXPECT_EQ(told(), fmt::format("READY=1\nMAINPID={}\n", getpid()));
}

TEST_F(notifications, are_repeated_until_a_busy_manager_takes_them) {
    service_manager manager;
    const time_point now = clock::now();
    keep_busy();
    manager.report(serving, now);
    be_free();
    EXPECT_EQ(told(), "");

    const time_point again = manager.due();
    EXPECT_GT(again, now);
    manager.report(serving, again);
    EXPECT_EQ(told(), fmt::format("READY=1\nSTATUS=ready\nMAINPID={}\n", getpid()));
    EXPECT_EQ(manager.due(), time_point::max());

    keep_busy();
    manager.reload_ends();
    be_free();
    manager.report(serving, again);
    EXPECT_EQ(told(), fmt::format("READY=1\nMAINPID={}\n", getpid()));
}

TEST_F(notifications, include_keep_alives_when_the_watchdog_is_for_this_process) {
    set("WATCHDOG_USEC", "3000000");
    set("WATCHDOG_PID", std::to_string(getpid()));
    service_manager manager;
    const time_point now = clock::now();
    manager.report(serving, now);
    EXPECT_NE(told().find("WATCHDOG=1\n"), std::string::npos);
    EXPECT_EQ(manager.due(), now + milliseconds{1500});
}

TEST_F(notifications, ignore_the_watchdog_of_another_process) {
    set("WATCHDOG_USEC", "3000000");
    for (const std::string& pid : {std::to_string(getpid() + 1), std::string{"x"}}) {
        set("WATCHDOG_PID", pid);
        service_manager manager;
        manager.report(serving, clock::now());
        EXPECT_EQ(told().find("WATCHDOG"), std::string::npos) << pid;
    }
}

TEST_F(notifications, ignore_malformed_watchdog_periods) {
    for (const char* const period : {"", "0", "-5", "1e6", "99999999999999999999", " 7"}) {
        set("WATCHDOG_USEC", period);
        service_manager manager;
        manager.report(serving, clock::now());
        EXPECT_EQ(told().find("WATCHDOG"), std::string::npos) << period;
        EXPECT_EQ(manager.due(), time_point::max()) << period;
    }
}

TEST_F(notifications, store_listening_sockets_with_the_service_manager_and_remove_them) {
    const service_manager manager;
    const auto made = listen_on("", 0);
    ASSERT_TRUE(made);
    const std::string name_and_pid = fmt::format("FDNAME=stored/gateway\nMAINPID={}\n", getpid());
    manager.store("gateway", made->sockets);
    EXPECT_EQ(told(), "FDSTORE=1\n" + name_and_pid);
    manager.store("gateway", made->sockets);
    std::vector<unique_fd> copies = handed();
    EXPECT_EQ(copies.size(), made->sockets.size());
    EXPECT_TRUE(recognize(copies, "", made->port));
    EXPECT_EQ(told(), "") << "one datagram has all descriptors";
    manager.forget("gateway");
    EXPECT_EQ(told(), "FDSTOREREMOVE=1\n" + name_and_pid);
}

TEST_F(notifications, are_not_sent_without_an_address) {
    for (const std::string& address :
         {std::string{}, std::string{"relative"}, "/" + std::string(200, 'x')}) {
        set("NOTIFY_SOCKET", address);
        service_manager manager;
        EXPECT_FALSE(manager.is_there()) << address;
        manager.report(serving, clock::now());
        manager.store("gateway", listen_on("", 0)->sockets);
        manager.forget("gateway");
        EXPECT_EQ(manager.due(), time_point::max());
    }
}

TEST_F(notifications, survive_the_end_of_the_service_manager) {
    set("NOTIFY_SOCKET", "/no/such/socket");
    service_manager manager;
    manager.report(serving, clock::now());
    manager.reload_begins(clock::now());
    manager.store("gateway", listen_on("", 0)->sockets);
    EXPECT_TRUE(manager.is_there());
}

} // namespace
} // namespace msd::process
