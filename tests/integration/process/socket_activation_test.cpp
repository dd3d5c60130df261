// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.hpp"
#include "process/socket_activation.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace msd::process {
namespace {

enum class kind { listening, silent, datagram, local, file, none };

constexpr int first = 3;

unique_fd make(kind what) {
    const sockaddr_in any{AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {}};
    switch (what) {
    case kind::listening:
    case kind::silent: {
        unique_fd fd{socket(AF_INET, SOCK_STREAM, 0)};
        if (what == kind::listening) {
            bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any);
            listen(fd.get(), 1);
        }
        return fd;
    }
    case kind::datagram:
        return unique_fd{socket(AF_INET, SOCK_DGRAM, 0)};
    case kind::local:
        return unique_fd{socket(AF_UNIX, SOCK_STREAM, 0)};
    case kind::file:
        return unique_fd{open("/dev/null", O_RDONLY)};
    case kind::none:
        return {};
    }
    return {};
}

struct arrangement {
    std::vector<kind> descriptors;
    std::string names;
    std::string count; // empty: the number of descriptors
    std::string pid;   // empty: the right one
};

// The result of take_handed_sockets() as text. It is called in a separate process, because the
// descriptors must have fixed numbers.
std::string outcome_of(const arrangement& given, const std::vector<std::string>& pools) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    if (child == 0) {
        constexpr int away = 200;
        const int out = fcntl(ends[1], F_DUPFD, away);
        std::vector<unique_fd> made;
        for (const kind each : given.descriptors) {
            made.push_back(make(each));
            if (made.back()) {
                made.back().reset(fcntl(made.back().get(), F_DUPFD, away));
            }
        }
        for (int fd = first; fd < away; ++fd) {
            close(fd);
        }
        for (std::size_t index = 0; index < made.size(); ++index) {
            dup2(made[index].get(), first + static_cast<int>(index));
        }
        const auto count = std::to_string(made.size());
        setenv("LISTEN_FDS", given.count.empty() ? count.c_str() : given.count.c_str(), 1);
        const auto own = std::to_string(getpid());
        setenv("LISTEN_PID", given.pid.empty() ? own.c_str() : given.pid.c_str(), 1);
        setenv("LISTEN_FDNAMES", given.names.c_str(), 1);
        auto taken = take_handed_sockets(pools);
        std::string text = taken ? "" : taken.error().text;
        const handed_sockets handed = taken ? std::move(*taken) : handed_sockets{};
        for (const char* const name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) {
            text += std::getenv(name) == nullptr ? "" : " LEFT BEHIND";
        }
        for (const auto& [pool, set] : handed.activated) {
            text += fmt::format("{} {} {}", pool, set.host, set.port != 0);
            for (const unique_fd& socket : set.sockets) {
                text += fmt::format(" {}:{}", socket.get(), fcntl(socket.get(), F_GETFD));
            }
            text += ';';
        }
        for (const auto& [pool, sockets] : handed.stored) {
            text += "stored " + pool;
            for (const unique_fd& socket : sockets) {
                text += fmt::format(" {}:{}", socket.get(), fcntl(socket.get(), F_GETFD));
            }
            text += ';';
        }
        [[maybe_unused]] const auto written = write(out, text.data(), text.size());
        _exit(0);
    }
    close(ends[1]);
    std::string text;
    std::array<char, 512> buffer{};
    for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;) {
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    close(ends[0]);
    waitpid(child, nullptr, 0);
    return text;
}

const std::vector<std::string> one{"gateway"};
const std::vector<std::string> several{"gateway", "goods", "members"};

TEST(socket_activation, takes_no_sockets_without_variables) {
    EXPECT_EQ(outcome_of({{}, "", "0", ""}, one), "");
}

TEST(socket_activation, assigns_sockets_to_pools_by_name_and_closes_them_on_exec) {
    EXPECT_EQ(
        outcome_of(
            {{kind::listening, kind::listening, kind::listening}, "goods:gateway:goods", "", ""},
            several
        ),
        "gateway 127.0.0.1 true 4:1;goods 127.0.0.1 true 3:1 5:1;"
    );
}

TEST(socket_activation, derives_the_pool_from_the_name_of_the_unit) {
    const std::string names = "msd-gateway.socket:msd-service@goods.socket";
    EXPECT_EQ(
        outcome_of({{kind::listening, kind::listening}, names, "", ""}, several),
        "gateway 127.0.0.1 true 3:1;goods 127.0.0.1 true 4:1;"
    );
}

TEST(socket_activation, assigns_sockets_without_a_name_to_the_only_pool) {
    for (const char* const names : {"", "unknown:unknown", "unknown"}) {
        EXPECT_EQ(
            outcome_of({{kind::listening, kind::listening}, names, "", ""}, one),
            "gateway 127.0.0.1 true 3:1 4:1;"
        );
    }
}

TEST(socket_activation, returns_stored_descriptors_separately_and_unchecked) {
    EXPECT_EQ(
        outcome_of(
            {{kind::listening, kind::listening, kind::file, kind::listening},
             "goods:stored/goods:stored/goods:stored/weather",
             "",
             ""},
            several
        ),
        "goods 127.0.0.1 true 3:1;stored goods 4:1 5:1;stored weather 6:1;"
    );
}

TEST(socket_activation, uses_names_for_stored_sockets_that_no_unit_can_have) {
    EXPECT_EQ(stored_name("goods"), "stored/goods");
    EXPECT_NE(stored_name("msd-gateway.socket"), "msd-gateway.socket");
}

TEST(socket_activation, refuses_the_name_of_an_unknown_pool) {
    EXPECT_EQ(
        outcome_of({{kind::listening}, "http", "", ""}, several),
        "descriptor 3 of LISTEN_FDS is named 'http', but there is no such pool; give its .socket "
        "unit "
        "FileDescriptorName= one of: gateway, goods, members"
    );
    EXPECT_NE(outcome_of({{kind::listening}, "", "", ""}, several), "");
}

TEST(
    socket_activation,
    refuses_descriptors_that_are_not_listening_tcp_sockets_and_names_their_kind
) {
    const std::pair<kind, std::string> all[] = {
        {kind::silent, "a socket that does not listen"},
        {kind::datagram, "a datagram socket"},
        {kind::local, "a UNIX socket"},
        {kind::file, "not a socket"},
        {kind::none, "not open"},
    };
    for (const auto& [what, text] : all) {
        EXPECT_EQ(
            outcome_of({{kind::listening, what}, "gateway:gateway", "", ""}, one),
            "descriptor 4 (gateway) of LISTEN_FDS is " + text +
                "; it has to be a listening TCP socket: give its .socket unit ListenStream=PORT "
                "and "
                "Accept=no"
        );
    }
}

TEST(socket_activation, takes_no_sockets_that_are_for_another_process) {
    EXPECT_EQ(outcome_of({{kind::listening}, "gateway", "", "1"}, one), "");
}

TEST(socket_activation, refuses_malformed_numbers) {
    EXPECT_EQ(
        outcome_of({{kind::listening}, "gateway", "", "12x"}, one),
        "LISTEN_PID: '12x' is not a number"
    );
    for (const std::string& count :
         std::vector<std::string>{"-1", "257", "99999999999999999999", "1 "}) {
        EXPECT_EQ(
            outcome_of({{kind::listening}, "gateway", count, ""}, one),
            "LISTEN_FDS: '" + count + "' is not between 0 and 256"
        );
    }
}

TEST(socket_activation, refuses_more_sockets_of_a_pool_than_a_worker_can_have) {
    EXPECT_EQ(
        outcome_of({std::vector<kind>(17, kind::listening), "", "", ""}, one),
        "gateway: 17 sockets of LISTEN_FDS, at most 16"
    );
}

} // namespace
} // namespace msd::process
