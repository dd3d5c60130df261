// SPDX-License-Identifier: Apache-2.0
#include "process/listen_set.hpp"

#include "process/port_owner.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <system_error>
#include <utility>

namespace msd::process {

namespace {

constexpr int backlog = 4096; // the kernel cuts it to net.core.somaxconn
constexpr int free_port_tries = 32;
constexpr std::size_t addresses_max = 16;

struct address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    bool optional = false; // left out where the machine does not have it

    [[nodiscard]] int family() const { return storage.ss_family; }
};

address make_address(int family, const void* bytes) {
    address made;
    if (family == AF_INET) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        std::memcpy(&v4.sin_addr, bytes, sizeof v4.sin_addr);
        std::memcpy(&made.storage, &v4, sizeof v4);
        made.size = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        std::memcpy(&v6.sin6_addr, bytes, sizeof v6.sin6_addr);
        std::memcpy(&made.storage, &v6, sizeof v6);
        made.size = sizeof v6;
    }
    return made;
}

std::vector<address> both_loopbacks() {
    const in_addr v4{htonl(INADDR_LOOPBACK)};
    std::vector<address> both{
        make_address(AF_INET, &v4),
        make_address(AF_INET6, &in6addr_loopback)};
    both.back().optional = true;
    return both;
}

std::uint16_t port_of(const address& at) {
    if (at.family() == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &at.storage, sizeof v4);
        return ntohs(v4.sin_port);
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, &at.storage, sizeof v6);
    return ntohs(v6.sin6_port);
}

void set_port(address& at, std::uint16_t port) {
    // Both families keep the port at the same place (RFC 3493 leaves that open, Linux does not).
    sockaddr_in v4{};
    std::memcpy(&v4, &at.storage, sizeof v4);
    v4.sin_port = htons(port);
    std::memcpy(&at.storage, &v4, sizeof v4);
}

std::string host_text(const address& at) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (at.family() == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &at.storage, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    } else {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &at.storage, sizeof v6);
        inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
    return text.data();
}

result<std::vector<address>> addresses_of(std::string_view host) {
    if (host.empty() || host == "localhost") {
        return both_loopbacks();
    }
    std::string name{host};
    if (name.starts_with('[') && name.ends_with(']')) {
        name = name.substr(1, name.size() - 2);
    }
    if (name.starts_with("::ffff:") && name.find('.') != std::string::npos) {
        name.erase(0, std::strlen("::ffff:")); // an IPv4 address in IPv6 clothes
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    const int code = getaddrinfo(name.c_str(), nullptr, &hints, &found);
    if (code != 0) {
        return fail(
            errc::invalid,
            fmt::format("cannot listen on '{}': {}", host, gai_strerror(code))
        );
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{found, &freeaddrinfo};
    std::vector<address> all;
    for (const addrinfo* each = found; each != nullptr && all.size() < addresses_max;
         each = each->ai_next) {
        address next;
        std::memcpy(&next.storage, each->ai_addr, each->ai_addrlen);
        next.size = each->ai_addrlen;
        all.push_back(next);
    }
    return all;
}

// The outcome of one bind: a socket, or the errno that says why not.
struct bound {
    unique_fd socket;
    int reason = 0;
};

bound bind_one(const address& at, bool alone) {
    unique_fd fd{socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) {
        return {{}, errno};
    }
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at.family() == AF_INET6) {
        // `--host ::` alone serves IPv4 too; next to an IPv4 socket each keeps to its family.
        const int only = alone ? 0 : 1;
        setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    }
    sockaddr_storage storage = at.storage;
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), at.size) != 0 ||
        listen(fd.get(), backlog) != 0) {
        return {{}, errno};
    }
    return {std::move(fd), 0};
}

std::uint16_t bound_port(int fd) {
    address at;
    at.size = sizeof at.storage;
    getsockname(fd, reinterpret_cast<sockaddr*>(&at.storage), &at.size);
    return port_of(at);
}

bool is_absent(int reason) {
    return reason == EAFNOSUPPORT || reason == EADDRNOTAVAIL;
}

// Binds every address with one port; `reason` and `where` say what failed.
struct attempt {
    listen_set set;
    int reason = 0;
    address where;
};

attempt bind_all(std::vector<address> addresses, std::uint16_t port) {
    attempt made;
    made.set.port = port;
    for (address& at : addresses) {
        set_port(at, made.set.port);
        bound one = bind_one(at, addresses.size() == 1);
        if (one.reason != 0 && at.optional && is_absent(one.reason)) {
            continue;
        }
        if (one.reason != 0) {
            made.reason = one.reason;
            made.where = at;
            return made;
        }
        if (made.set.sockets.empty()) {
            made.set.host = host_text(at);
            made.set.port = bound_port(one.socket.get());
        }
        made.set.sockets.push_back(std::move(one.socket));
    }
    return made;
}

tl::unexpected<error> explain(const attempt& made) {
    const std::string where = endpoint_text(host_text(made.where), port_of(made.where));
    if (made.reason == EADDRINUSE) {
        const std::string owner = port_owner(port_of(made.where));
        return fail(
            errc::conflict,
            fmt::format(
                "port {} is taken: {} belongs to {}; stop it or choose another port (0: any free)",
                port_of(made.where),
                where,
                owner.empty() ? "an unknown process" : owner
            )
        );
    }
    if (made.reason == EACCES) {
        return fail(
            errc::denied,
            fmt::format("not allowed to listen on {}: ports below 1024 need privileges", where)
        );
    }
    return fail(
        is_absent(made.reason) ? errc::invalid : errc::unavailable,
        fmt::format("cannot listen on {}: {}", where, std::generic_category().message(made.reason))
    );
}

} // namespace

result<listen_set> listen_on(std::string_view host, std::uint16_t port) {
    auto addresses = addresses_of(host);
    if (!addresses) {
        return tl::unexpected{std::move(addresses.error())};
    }
    attempt made;
    for (int tries = 0; tries < free_port_tries; ++tries) {
        made = bind_all(*addresses, port);
        // A port that is free for one family may be taken in the other: another one, then.
        if (port != 0 || made.reason != EADDRINUSE) {
            break;
        }
    }
    if (made.reason != 0) {
        return explain(made);
    }
    return std::move(made.set);
}

std::string endpoint_text(std::string_view host, std::uint16_t port) {
    return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port)
                                                    : fmt::format("[{}]:{}", host, port);
}

} // namespace msd::process
