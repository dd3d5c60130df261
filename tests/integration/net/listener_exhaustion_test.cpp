// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "integration/loop.hpp"
#include "net/listener.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <vector>

namespace msd::net {
namespace {

// Prevents this process from opening further descriptors during the life of this object.
class no_descriptors_left {
public:
    no_descriptors_left() {
        getrlimit(RLIMIT_NOFILE, &before_);
        const unique_fd next{open("/dev/null", O_RDONLY | O_CLOEXEC)};
        rlimit low = before_;
        // Open descriptors keep their numbers; all numbers below `next` are in use.
        low.rlim_cur = static_cast<rlim_t>(next.get());
        setrlimit(RLIMIT_NOFILE, &low);
    }
    ~no_descriptors_left() { setrlimit(RLIMIT_NOFILE, &before_); }
    no_descriptors_left(const no_descriptors_left&) = delete;
    no_descriptors_left& operator=(const no_descriptors_left&) = delete;

private:
    rlimit before_{};
};

// Captures the log in a file.
class logged {
public:
    logged() {
        std::string pattern = testing::TempDir() + "msd-exhaustion-XXXXXX";
        const unique_fd made{mkstemp(pattern.data())};
        path_ = pattern;
        log::configure({log::level::info, log::format::text, path_, "test", -1});
    }
    ~logged() {
        log::configure({});
        std::filesystem::remove(path_);
    }
    logged(const logged&) = delete;
    logged& operator=(const logged&) = delete;

    [[nodiscard]] int count(const std::string& part) const {
        std::ifstream file{path_};
        int lines = 0;
        for (std::string line; std::getline(file, line);) {
            lines += line.find(part) != std::string::npos ? 1 : 0;
        }
        return lines;
    }

private:
    std::string path_;
};

struct under_test {
    std::vector<unique_fd> clients; // made before descriptors run out
    sockaddr_in to{};
    int accepted = 0;

    // Never waits: the kernel completes a connection to the loopback at once.
    void knock(std::size_t which) const {
        EXPECT_EQ(
            connect(clients[which].get(), reinterpret_cast<const sockaddr*>(&to), sizeof to),
            0
        );
    }

    // 'e': it was closed, 'o': it is open and silent.
    [[nodiscard]] char state(std::size_t which) const {
        char byte = 0;
        const ssize_t got = recv(clients[which].get(), &byte, 1, MSG_DONTWAIT);
        return got == 0 || (got < 0 && errno != EAGAIN) ? 'e' : 'o';
    }
};

under_test prepare(unique_fd& listening) {
    under_test made;
    listening.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    made.to.sin_family = AF_INET;
    made.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof made.to;
    EXPECT_EQ(bind(listening.get(), reinterpret_cast<sockaddr*>(&made.to), size), 0);
    EXPECT_EQ(listen(listening.get(), 16), 0);
    getsockname(listening.get(), reinterpret_cast<sockaddr*>(&made.to), &size);
    for (int i = 0; i < 6; ++i) {
        made.clients.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    }
    return made;
}

asio::awaitable<void> exhaust(test::loop* on, under_test* with, const logged* log) {
    {
        const no_descriptors_left now;
        for (std::size_t which = 0; which < 4; ++which) {
            with->knock(which);
        }
        std::function<bool()> two_closed = [with] {
            int closed = 0;
            for (std::size_t which = 0; which < 4; ++which) {
                closed += with->state(which) == 'e' ? 1 : 0;
            }
            return closed >= 2; // one per pause
        };
        const bool told = co_await on->until(std::move(two_closed));
        EXPECT_TRUE(told);
        EXPECT_EQ(with->accepted, 0);
    }
    with->knock(4);
    with->knock(5);
    std::function<bool()> served = [with] {
        return with->accepted >= 3; // these, and those that still waited
    };
    const bool goes_on = co_await on->until(std::move(served));
    EXPECT_TRUE(goes_on);
    EXPECT_EQ(with->state(4), 'o');
    EXPECT_EQ(with->state(5), 'o');
    EXPECT_EQ(log->count("accepting pauses for 500 ms"), 1);
}

TEST(listener, pauses_without_descriptors_closes_one_client_per_pause_and_resumes_by_itself) {
    const logged log;
    test::loop loop;
    unique_fd listening;
    under_test with = prepare(listening);
    std::vector<unique_fd> taken;
    const listener one{
        loop.context.get_executor(),
        {listening.release()},
        [&](int fd, accept_credit) {
            taken.emplace_back(fd);
            ++with.accepted;
        }};
    loop.run(exhaust(&loop, &with, &log));
}

} // namespace
} // namespace msd::net
