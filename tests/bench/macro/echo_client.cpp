// SPDX-License-Identifier: Apache-2.0
// Measures an upgraded connection: msd_bench_echo PORT CONNECTIONS SECONDS opens connections with
// Upgrade, and sends the next message on each as soon as the previous one has come back. Prints the
// line of JSON that report.lua prints for wrk.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;

constexpr std::string_view handshake = "GET /echo HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
                                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                       "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

// One text frame of a client with 64 bytes and a mask of zeros.
const std::string& message() {
    static const std::string bytes = std::string{"\x81\xC0\0\0\0\0", 6} + std::string(64, 'e');
    return bytes;
}

struct echo_connection {
    int fd = -1;
    bool is_open = false;
    std::size_t missing = 0; // bytes of the echo
    steady::time_point sent_at;

    bool connect_to(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0) {
            return false;
        }
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const timeval limit{10, 0};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        is_open = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                  send(fd, handshake.data(), handshake.size(), MSG_NOSIGNAL) > 0 && read_head();
        return is_open;
    }

    // The origin sends nothing of its own, so the head is all that arrives.
    bool read_head() const {
        std::string head;
        std::array<char, 4096> part{};
        while (head.find("\r\n\r\n") == std::string::npos) {
            const ssize_t got = recv(fd, part.data(), part.size(), 0);
            if (got <= 0) {
                return false;
            }
            head.append(part.data(), static_cast<std::size_t>(got));
        }
        return head.starts_with("HTTP/1.1 101 ");
    }

    void send_message() {
        missing = message().size();
        sent_at = steady::now();
        is_open = send(fd, message().data(), missing, MSG_NOSIGNAL) > 0;
    }
};

double percentile(std::vector<double>& times_us, double share) {
    if (times_us.empty()) {
        return 0;
    }
    const auto at = static_cast<std::size_t>(share * static_cast<double>(times_us.size() - 1));
    std::nth_element(
        times_us.begin(),
        times_us.begin() + static_cast<std::ptrdiff_t>(at),
        times_us.end()
    );
    return times_us[at];
}

double elapsed_us(steady::time_point since) {
    return std::chrono::duration<double, std::micro>(steady::now() - since).count();
}

} // namespace

int main(int count, char** words) {
    if (count != 4) {
        std::fputs("usage: msd_bench_echo PORT CONNECTIONS SECONDS\n", stderr);
        return 2;
    }
    const auto port = static_cast<std::uint16_t>(std::atoi(words[1]));
    std::vector<echo_connection> connections(static_cast<std::size_t>(std::atoi(words[2])));
    const double limit_us = std::atof(words[3]) * 1e6;

    const int epoll = epoll_create1(0);
    int failed = 0;
    for (std::size_t index = 0; index < connections.size(); ++index) {
        echo_connection& each = connections[index];
        if (!each.connect_to(port)) {
            ++failed;
            continue;
        }
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = index;
        epoll_ctl(epoll, EPOLL_CTL_ADD, each.fd, &event);
    }
    const auto begin = steady::now();
    for (echo_connection& each : connections) {
        if (each.is_open) {
            each.send_message();
        }
    }
    std::vector<double> times_us;
    std::array<epoll_event, 256> events{};
    std::array<char, 4096> bytes{};
    while (elapsed_us(begin) < limit_us) {
        const int ready = epoll_wait(epoll, events.data(), events.size(), 100);
        for (int index = 0; index < ready; ++index) {
            echo_connection& each = connections[events[static_cast<std::size_t>(index)].data.u64];
            const ssize_t got = recv(each.fd, bytes.data(), bytes.size(), 0);
            if (got <= 0 || static_cast<std::size_t>(got) > each.missing) {
                ++failed;
                close(each.fd);
                continue;
            }
            each.missing -= static_cast<std::size_t>(got);
            if (each.missing == 0) {
                times_us.push_back(elapsed_us(each.sent_at));
                each.send_message();
            }
        }
    }
    const double seconds = elapsed_us(begin) / 1e6;
    std::printf(
        "{\"requests\":%zu,\"seconds\":%.6f,\"failed\":%d,\"p50_us\":%.0f,\"p99_us\":%.0f}\n",
        times_us.size(),
        seconds,
        failed,
        percentile(times_us, 0.5),
        percentile(times_us, 0.99)
    );
    return 0;
}
