// SPDX-License-Identifier: Apache-2.0
#include "client.hpp"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>

namespace load {

namespace {

constexpr micros pause_after_failure_us = 2000; // keeps refused connections from looping
constexpr std::size_t head_bytes_max = 64 * 1024;

std::string lower(std::string_view text) {
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return out;
}

// The value of the header, in lower case; empty if there is no such header.
std::string_view header(std::string_view lower_head, std::string_view name) {
    const auto at = lower_head.find("\r\n" + std::string{name} + ":");
    if (at == std::string_view::npos) {
        return {};
    }
    std::string_view value = lower_head.substr(at + name.size() + 3);
    value = value.substr(0, value.find("\r\n"));
    while (value.starts_with(' ')) {
        value.remove_prefix(1);
    }
    return value;
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
    const char* const end = text.data() + text.size();
    const auto [stopped, reason] = std::from_chars(text.data(), end, out);
    return reason == std::errc{} && stopped == end;
}

} // namespace

client::client(place where, const plan& all, tally& counts, int epoll)
    : where_{where},
      all_{all},
      group_{all.groups[where.group]},
      counts_{counts},
      epoll_{epoll},
      random_{where.id + 1} {}

client::~client() {
    close_socket();
}

void client::start(micros now) {
    if (group_.mode == group::kind::held) {
        connect_now(now);
    } else {
        begin(now);
    }
}

micros client::due() const {
    if (!outstanding_.empty()) {
        return asked_at_ + static_cast<micros>(all_.timeout_ms) * 1000;
    }
    return stopping_ ? never : due_at_;
}

void client::on_time(micros now) {
    if (now < due()) {
        return;
    }
    if (!outstanding_.empty()) {
        fail_all(failure::timeout, 0, now);
    } else {
        begin(now);
    }
}

void client::begin(micros now) {
    due_at_ = never;
    asked_at_ = now;
    if (!stopping_) {
        const auto depth = static_cast<std::size_t>(std::max(1, group_.depth));
        while (outstanding_.size() < depth) {
            outstanding_.push_back(next_++);
        }
    }
    if (outstanding_.empty()) {
        return;
    }
    out_.clear();
    sent_ = 0;
    for (const std::uint64_t number : outstanding_) {
        out_ += request_text(group_, where_.number, number);
    }
    if (!still_stands(now)) {
        connect_now(now);
    } else {
        write_some();
    }
}

// Detects that the server has ended the connection since the last reply.
bool client::still_stands(micros now) {
    if (fd_ < 0) {
        return false;
    }
    char byte = 0;
    const ssize_t seen = recv(fd_, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
    if (seen < 0 && errno == EAGAIN) {
        return true;
    }
    if (seen > 0) {
        count_unasked(now);
    }
    close_socket();
    return false;
}

void client::connect_now(micros now) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto* const address = reinterpret_cast<const sockaddr*>(&all_.address);
    if (fd_ < 0 || (connect(fd_, address, sizeof all_.address) != 0 && errno != EINPROGRESS)) {
        const int reason = errno;
        const bool refused = reason == ECONNREFUSED;
        fail_all(refused ? failure::refused : failure::unconnected, reason, now);
        return;
    }
    connecting_ = true;
    epoll_event event{};
    event.events = EPOLLOUT;
    event.data.u32 = where_.id;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event);
}

void client::watch(std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.u32 = where_.id;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_, &event);
}

void client::connected(micros now) {
    int reason = 0;
    socklen_t size = sizeof reason;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &reason, &size);
    if (reason != 0) {
        const bool refused = reason == ECONNREFUSED;
        fail_all(refused ? failure::refused : failure::unconnected, reason, now);
        return;
    }
    connecting_ = false;
    closing_ = false;
    in_.clear();
    counts_.connected(where_.group);
    sockaddr_in own{};
    socklen_t own_size = sizeof own;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &own_size);
    local_port_ = ntohs(own.sin_port);
    watch(EPOLLIN);
    if (!outstanding_.empty()) {
        write_some();
    }
}

// After a failed write, data that the server sent earlier is still read; read_some() finds the end.
void client::write_some() {
    while (sent_ < out_.size()) {
        const ssize_t n = send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
        if (n < 0) {
            watch(errno == EAGAIN ? EPOLLIN | EPOLLOUT : EPOLLIN);
            return;
        }
        sent_ += static_cast<std::size_t>(n);
    }
    watch(EPOLLIN);
}

void client::on_event(micros now) {
    if (fd_ < 0) {
        return;
    }
    if (connecting_) {
        connected(now);
        return;
    }
    if (sent_ < out_.size()) {
        write_some();
    }
    read_some(now);
}

void client::read_some(micros now) {
    std::array<char, 64 * 1024> buffer{};
    const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0) {
        ended(n == 0 ? 0 : errno, now);
        return;
    }
    in_.append(buffer.data(), static_cast<std::size_t>(n));
    while (fd_ >= 0 && !in_.empty()) {
        const scan found = scan_reply(now);
        if (found == scan::more) {
            return;
        }
        if (found == scan::bad || closing_) {
            if (found == scan::bad) {
                if (outstanding_.empty()) {
                    count_unasked(now);
                }
                fail_all(failure::malformed, 0, now);
            }
            break;
        }
    }
    if (closing_) {
        close_socket();
        counts_.sent_again(where_.group, outstanding_.size());
    }
    if (outstanding_.empty()) {
        rest(now);
    } else if (fd_ < 0) {
        due_at_ = now;
        begin(now);
    }
}

// Reads one reply if all of it has been received.
client::scan client::scan_reply(micros now) {
    const auto end = in_.find("\r\n\r\n");
    if (end == std::string::npos) {
        return in_.size() > head_bytes_max ? scan::bad : scan::more;
    }
    const std::string head = lower(std::string_view{in_}.substr(0, end + 2));
    int status = 0;
    std::size_t length = 0;
    const bool has_status =
        head.starts_with("http/1.1 ") && read_number(std::string_view{head}.substr(9, 3), status);
    const std::string_view said = header(head, "content-length");
    const bool bodiless = status == 204 || status == 304;
    const bool has_length = bodiless || read_number(said, length);
    if (!has_status || !has_length || outstanding_.empty()) {
        return scan::bad;
    }
    const std::size_t begin = end + 4;
    if (in_.size() - begin < length) {
        return scan::more;
    }
    closing_ = header(head, "connection") == "close";
    judge(status, std::string_view{in_}.substr(begin, length), now);
    in_.erase(0, begin + length);
    return scan::reply;
}

void client::judge(int status, std::string_view body, micros now) {
    const std::uint64_t number = outstanding_.front();
    outstanding_.pop_front();
    const micros after = now - asked_at_;
    failed_request what{
        0,
        where_.group,
        where_.number,
        number,
        failure::wrong_status,
        status,
        local_port_,
        after};
    if (status != group_.status) {
        counts_.failed(what);
        return;
    }
    const bool differs = !group_.expect.empty() && body != group_.expect;
    if (differs || body.find(group_.contains) == std::string_view::npos) {
        what.kind = failure::wrong_body;
        counts_.failed(what);
        return;
    }
    counts_.answered(where_.group, after);
}

void client::ended(int reason, micros now) {
    if (outstanding_.empty()) {
        close_socket();
        return;
    }
    if (reason != 0) {
        fail_all(failure::reset, reason, now);
    } else {
        fail_all(in_.empty() ? failure::unanswered : failure::truncated, 0, now);
    }
}

// Counts bytes that arrive between two requests as a failure without a request.
void client::count_unasked(micros now) {
    failed_request what;
    what.group = where_.group;
    what.client = where_.number;
    what.number = next_;
    what.kind = failure::malformed;
    what.local_port = local_port_;
    what.after = now - asked_at_;
    counts_.failed(what);
}

void client::fail_all(failure kind, int detail, micros now) {
    for (const std::uint64_t number : outstanding_) {
        counts_.failed(
            {0, where_.group, where_.number, number, kind, detail, local_port_, now - asked_at_}
        );
    }
    outstanding_.clear();
    close_socket();
    due_at_ = now + pause_after_failure_us;
}

void client::rest(micros now) {
    if (group_.mode == group::kind::fresh) {
        close_socket();
    }
    if (due_at_ == never) {
        const auto longest = static_cast<micros>(group_.pause_ms) * 1000;
        due_at_ = now + (longest == 0 ? 0 : random_() % longest);
    }
}

void client::close_socket() {
    if (fd_ >= 0) {
        close(fd_);
    }
    fd_ = -1;
    connecting_ = false;
    closing_ = false;
    in_.clear();
}

} // namespace load
