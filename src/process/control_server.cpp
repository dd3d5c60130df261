// SPDX-License-Identifier: Apache-2.0
#include "process/control_server.hpp"

#include "core/exhaustion.hpp"
#include "process/unix_address.hpp"

#include <fmt/format.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace msd::process {

namespace {

constexpr int backlog = 16;
constexpr mode_t socket_mode = 0660;

void watch(int epoll, int fd, std::uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll, operation, fd, &event);
}

} // namespace

result<control_server>
control_server::listen_at(const std::filesystem::path& path, handler answer) {
    const auto address = unix_address(path);
    if (!address) {
        return tl::unexpected{address.error()};
    }
    unlink(path.c_str());
    unique_fd listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    // The mode is set between bind and listen, before any client can connect.
    if (!listener ||
        bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
        chmod(path.c_str(), socket_mode) != 0 || listen(listener.get(), backlog) != 0) {
        return fail(
            errc::unavailable,
            fmt::format("{}: {}", path.native(), std::generic_category().message(errno))
        );
    }
    return control_server{path, std::move(listener), std::move(answer)};
}

control_server control_server::adopt(control_state left, handler answer) {
    control_server made{left.listener.path, unique_fd{left.listener.descriptor}, std::move(answer)};
    for (client_state& each : left.clients) {
        const std::uint32_t wanted = each.unsent.empty() ? EPOLLIN : EPOLLOUT;
        watch(made.epoll_.get(), each.socket, wanted, EPOLL_CTL_ADD);
        made.clients_.push_back(
            {unique_fd{each.socket},
             std::move(each.received),
             std::move(each.unsent),
             each.until,
             0}
        );
    }
    return made;
}

control_state control_server::state() const {
    control_state made{{listener_.get(), path_}, {}};
    for (const client& each : clients_) {
        made.clients.push_back({each.socket.get(), each.until, each.received, each.unsent});
    }
    return made;
}

control_server::control_server(std::filesystem::path path, unique_fd listener, handler answer)
    : path_{std::move(path)},
      listener_{std::move(listener)},
      epoll_{epoll_create1(EPOLL_CLOEXEC)},
      answer_{std::move(answer)} {
    watch(epoll_.get(), listener_.get(), EPOLLIN, EPOLL_CTL_ADD);
}

control_server::~control_server() {
    if (listener_) {
        unlink(path_.c_str());
    }
}

void control_server::serve(time_point now) {
    std::array<epoll_event, clients_max + 1> events{};
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_.get()) {
            accept_one(now);
            continue;
        }
        const auto from = std::find_if(clients_.begin(), clients_.end(), [fd](const client& each) {
            return each.socket.get() == fd;
        });
        if (from != clients_.end() && !serve_one(*from, now)) {
            clients_.erase(from);
        }
    }
}

void control_server::accept_one(time_point now) {
    unique_fd socket{accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!socket) {
        if (core::is_exhaustion(errno)) {
            watch(epoll_.get(), listener_.get(), 0, EPOLL_CTL_MOD);
            accepts_again_ = now + core::exhaustion_pause;
        }
        return;
    }
    if (clients_.size() == clients_max) {
        clients_.pop_front(); // the oldest
    }
    watch(epoll_.get(), socket.get(), EPOLLIN, EPOLL_CTL_ADD);
    clients_.push_back({std::move(socket), {}, {}, now + client_timeout, 0});
}

// False when the client has finished or has to be closed.
bool control_server::serve_one(client& each, time_point now) {
    each.until = now + client_timeout;
    const bool alive = each.unsent.empty() ? receive(each) : send_some(each);
    return alive && serve_commands(each);
}

// Nothing is read while an answer is unsent or unknown: one command at a time limits the memory.
bool control_server::serve_commands(client& each) {
    while (each.unsent.empty() && each.question == 0) {
        const auto end = each.received.find('\n');
        if (end == std::string::npos) {
            break;
        }
        control_answer made = answer_(std::string_view{each.received}.substr(0, end));
        each.received.erase(0, end + 1);
        each.question = made.question;
        if (made.question != 0) {
            watch(epoll_.get(), each.socket.get(), 0, EPOLL_CTL_MOD); // its end is still reported
            break;
        }
        each.unsent = std::move(made.text) + '\n';
        if (!send_some(each)) {
            return false;
        }
    }
    return each.received.size() <= command_bytes_max;
}

void control_server::answer(std::uint64_t question, std::string text, time_point now) {
    const auto to = std::find_if(clients_.begin(), clients_.end(), [question](const client& each) {
        return each.question == question;
    });
    if (to == clients_.end()) {
        return;
    }
    to->question = 0;
    to->until = now + client_timeout;
    to->unsent = std::move(text) + '\n';
    if (!send_some(*to) || !serve_commands(*to)) {
        clients_.erase(to);
    }
}

bool control_server::receive(client& from) {
    std::array<char, command_bytes_max> buffer{};
    const ssize_t got = recv(from.socket.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    from.received.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
}

bool control_server::send_some(client& to) const {
    const ssize_t sent = send(to.socket.get(), to.unsent.data(), to.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        return false;
    }
    to.unsent.erase(0, static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    const std::uint32_t wanted = to.unsent.empty() ? EPOLLIN : EPOLLOUT;
    watch(epoll_.get(), to.socket.get(), wanted, EPOLL_CTL_MOD);
    return true;
}

void control_server::expire(time_point now) {
    if (accepts_again_ <= now) {
        accepts_again_ = time_point::max();
        watch(epoll_.get(), listener_.get(), EPOLLIN, EPOLL_CTL_MOD);
    }
    clients_.remove_if([now](const client& each) { return each.until <= now; });
}

time_point control_server::next_due() const {
    time_point next = accepts_again_;
    for (const client& each : clients_) {
        next = std::min(next, each.until);
    }
    return next;
}

} // namespace msd::process
