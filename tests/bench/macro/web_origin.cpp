// SPDX-License-Identifier: Apache-2.0
// The program behind the proxies of the benchmark `proxy`: as little work for a request as
// possible, so that the proxy is what is measured. One thread, HTTP/1.1 with kept connections:
//
//     GET /bytes/N    a reply with N bytes
//     POST /any       reads the body, which must have a Content-Length, and replies
//     Upgrade         101, then every byte is sent back
//
// Prints READY with its port. It trusts its clients, which are the benchmark's own.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t piece_bytes = std::size_t{256} * 1024;
constexpr std::string_view head_end = "\r\n\r\n";

std::string& received() {
    static std::string buffer(piece_bytes, '\0');
    return buffer;
}

std::string_view zeros() {
    static const std::string bytes(piece_bytes, 'z');
    return bytes;
}

// The value of a header, whose name is written in lower case; names of `head` in any case.
std::string_view header(std::string_view head, std::string_view name) {
    const auto is_same = [](char a, char b) {
        return (a | 0x20) == (b | 0x20);
    };
    for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
        at += 2;
        const std::string_view line = head.substr(at, head.find("\r\n", at) - at);
        if (line.size() > name.size() && line[name.size()] == ':' &&
            std::equal(name.begin(), name.end(), line.begin(), is_same)) {
            std::string_view value = line.substr(name.size() + 1);
            while (value.starts_with(' ')) {
                value.remove_prefix(1);
            }
            return value;
        }
    }
    return {};
}

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

class connection {
public:
    explicit connection(int fd) : fd_{fd} {}
    ~connection() { close(fd_); }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    // False when the connection has ended. The socket is watched edge-triggered, so this reads and
    // writes until the kernel has no more.
    bool serve() {
        for (;;) {
            if (!send_unsent()) {
                return errno == EAGAIN;
            }
            const ssize_t got = recv(fd_, received().data(), received().size(), 0);
            if (got <= 0) {
                return got < 0 && errno == EAGAIN;
            }
            take({received().data(), static_cast<std::size_t>(got)});
        }
    }

private:
    void take(std::string_view bytes) {
        while (!bytes.empty()) {
            if (is_tunnel_) {
                out_ += bytes;
                return;
            }
            if (body_left_ > 0) {
                const auto part = std::min<std::uint64_t>(body_left_, bytes.size());
                body_left_ -= part;
                bytes.remove_prefix(part);
                if (body_left_ == 0) {
                    reply(0);
                }
                continue;
            }
            in_ += bytes;
            const auto end = in_.find(head_end);
            if (end == std::string::npos) {
                return;
            }
            const std::string head = in_.substr(0, end + 2);
            const std::string rest = in_.substr(end + head_end.size());
            in_.clear();
            bytes = bytes.substr(bytes.size() - rest.size());
            handle(head);
        }
    }

    void handle(std::string_view head) {
        constexpr std::string_view path = "GET /bytes/";
        if (!header(head, "upgrade").empty()) {
            is_tunnel_ = true;
            // Accepts the one key of msd_bench_echo.
            out_ +=
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";
        } else if (head.starts_with(path)) {
            reply(number(head.substr(path.size())));
        } else {
            body_left_ = number(header(head, "content-length"));
            if (body_left_ == 0) {
                reply(0);
            }
        }
    }

    void reply(std::uint64_t length) {
        out_ += "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ";
        out_ += std::to_string(length) + "\r\n\r\n";
        // Short bodies are sent with their head, and one after the other.
        if (length <= piece_bytes) {
            out_ += zeros().substr(0, length);
        } else {
            zeros_left_ = length;
        }
    }

    // False when the kernel takes no more; errno says why.
    bool send_unsent() {
        while (!out_.empty() || zeros_left_ > 0) {
            const std::string_view bytes = out_.empty() ? zeros().substr(0, zeros_left_) : out_;
            const ssize_t put = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (put < 0) {
                return false;
            }
            if (out_.empty()) {
                zeros_left_ -= static_cast<std::uint64_t>(put);
            } else {
                out_.erase(0, static_cast<std::size_t>(put));
            }
        }
        return true;
    }

    int fd_;
    std::string in_; // an unfinished head
    std::string out_;
    std::uint64_t body_left_ = 0;
    std::uint64_t zeros_left_ = 0;
    bool is_tunnel_ = false;
};

class origin {
public:
    bool listen_on_loopback() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* const as_any = reinterpret_cast<sockaddr*>(&address);
        socklen_t length = sizeof address;
        if (bind(listener_, as_any, length) != 0 || listen(listener_, SOMAXCONN) != 0 ||
            getsockname(listener_, as_any, &length) != 0) {
            return false;
        }
        watch(listener_, EPOLLIN);
        std::printf("READY origin 127.0.0.1:%d\n", ntohs(address.sin_port));
        std::fflush(stdout);
        return true;
    }

    void run() {
        std::array<epoll_event, 256> events{};
        for (;;) {
            const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
            for (int index = 0; index < count; ++index) {
                const int fd = events[static_cast<std::size_t>(index)].data.fd;
                if (fd == listener_) {
                    accept_all();
                } else if (!connections_.at(fd)->serve()) {
                    connections_.erase(fd);
                }
            }
        }
    }

private:
    void watch(int fd, std::uint32_t events) const {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }

    void accept_all() {
        for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
            const int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            connections_.emplace(fd, std::make_unique<connection>(fd));
            watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);
        }
    }

    int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int epoll_ = epoll_create1(0);
    std::map<int, std::unique_ptr<connection>> connections_;
};

} // namespace

int main() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    origin server;
    if (!server.listen_on_loopback()) {
        std::perror("msd_bench_origin");
        return 1;
    }
    server.run();
}
