// SPDX-License-Identifier: Apache-2.0
#include "process/listen_set.hpp"

#include "process/listen_address.hpp"
#include "process/port_owner.hpp"
#include "process/wait_until.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace msd::process {

namespace {

constexpr int backlog = 4096; // the kernel cuts it to net.core.somaxconn
constexpr int free_port_tries = 32;

// The outcome of one bind: a socket, or the errno that says why not.
struct bound {
    unique_fd socket;
    int reason = 0;
};

bound bind_one(const listen_address& at, bool alone) {
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

int option(int fd, int level, int which) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, which, &value, &size) == 0 ? value : -1;
}

// As bind_one() would have made it.
bool is_like_ours(int fd, const listen_address& at, bool alone) {
    const int only = alone ? 0 : 1;
    return option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1 &&
           (at.family() != AF_INET6 || option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == only);
}

bool is_absent(int reason) {
    return reason == EAFNOSUPPORT || reason == EADDRNOTAVAIL;
}

bool has_address(listen_address at) {
    at.set_port(0);
    return !is_absent(bind_one(at, false).reason);
}

// Binds every address with one port; `reason` and `where` say what failed.
struct attempt {
    listen_set set;
    int reason = 0;
    listen_address where;
};

attempt bind_all(std::vector<listen_address> addresses, std::uint16_t port) {
    attempt made;
    made.set.port = port;
    for (listen_address& at : addresses) {
        at.set_port(made.set.port);
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
            made.set.host = at.host();
            made.set.port = address_of(one.socket.get()).port();
        }
        made.set.sockets.push_back(std::move(one.socket));
    }
    if (made.set.sockets.empty()) { // every address was optional and is missing
        made.reason = EADDRNOTAVAIL;
        made.where = addresses.front();
    }
    return made;
}

attempt bind_free_port(const std::vector<listen_address>& addresses) {
    attempt made;
    // A port that is free for one family may be in use for the other: then try another one.
    for (int tries = 0; tries < free_port_tries; ++tries) {
        made = bind_all(addresses, 0);
        if (made.reason != EADDRINUSE) {
            break;
        }
    }
    return made;
}

// Waits for workers whose master was killed, which close the port soon; not for other programs.
attempt bind_port(const std::vector<listen_address>& addresses, std::uint16_t port) {
    attempt made;
    [[maybe_unused]] const bool in_time = wait_until([&] {
        made = bind_all(addresses, port);
        return made.reason != EADDRINUSE || owner_of_port(port).is_stranger;
    });
    return made;
}

tl::unexpected<error> explain(const attempt& made) {
    const std::string where = endpoint_text(made.where.host(), made.where.port());
    if (made.reason == EADDRINUSE) {
        const std::string owner = owner_of_port(made.where.port()).text;
        return fail(
            errc::conflict,
            fmt::format(
                "port {} is taken: {} belongs to {}; stop it or choose another port (0: any free)",
                made.where.port(),
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
    // An address can be added to the machine later, an address family cannot.
    return fail(
        made.reason == EAFNOSUPPORT ? errc::invalid : errc::unavailable,
        fmt::format("cannot listen on {}: {}", where, std::generic_category().message(made.reason))
    );
}

} // namespace

result<listen_set> listen_on(std::string_view host, std::uint16_t port) {
    auto addresses = addresses_of(host);
    if (!addresses) {
        return tl::unexpected{std::move(addresses.error())};
    }
    attempt made = port == 0 ? bind_free_port(*addresses) : bind_port(*addresses, port);
    if (made.reason != 0) {
        return explain(made);
    }
    made.set.is_our_own = true;
    return std::move(made.set);
}

listen_set adopt(std::vector<unique_fd> sockets) {
    for (const unique_fd& each : sockets) {
        // Of a master whose stop was cut short: see hold_new_connections().
        const int ignored = 0;
        setsockopt(each.get(), SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof ignored);
    }
    const listen_address first = address_of(sockets.front().get());
    return {std::move(sockets), first.host(), first.port(), true, false};
}

std::optional<listen_set>
recognize(std::vector<unique_fd>& sockets, std::string_view host, std::uint16_t port) {
    auto wanted = addresses_of(host);
    if (!wanted || sockets.empty()) {
        return std::nullopt;
    }
    const bool alone = wanted->size() == 1;
    const std::uint16_t used = port != 0 ? port : address_of(sockets.front().get()).port();
    std::vector<unique_fd*> found;
    for (listen_address& at : *wanted) {
        at.set_port(used);
        const auto socket = std::find_if(sockets.begin(), sockets.end(), [&](const auto& each) {
            return address_of(each.get()).is_same_as(at) && is_like_ours(each.get(), at, alone);
        });
        if (socket != sockets.end()) {
            found.push_back(&*socket);
        } else if (!at.optional || (at.family() == AF_INET && has_address(at))) {
            return std::nullopt;
        }
    }
    if (found.size() != sockets.size()) {
        return std::nullopt;
    }
    std::vector<unique_fd> in_order;
    in_order.reserve(found.size());
    for (unique_fd* const each : found) {
        in_order.push_back(std::move(*each));
    }
    return adopt(std::move(in_order));
}

void hold_new_connections(const listen_set& listeners) {
    if (!listeners.is_our_own) {
        return;
    }
    constexpr std::uint32_t flags_at = 13; // in the TCP header
    constexpr std::uint32_t syn = 0x02;
    constexpr std::uint32_t ack = 0x10;
    constexpr std::uint32_t whole = 0xFFFF;
    // Drops a segment with SYN and without ACK, and passes every other.
    std::array<sock_filter, 5> program{{
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_at),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, syn | ack),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, whole),
    }};
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    for (const unique_fd& each : listeners.sockets) {
        setsockopt(each.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
    }
}

void silence(const std::vector<unique_fd>& sockets) {
    for (const unique_fd& each : sockets) {
        shutdown(each.get(), SHUT_RDWR);
    }
}

std::optional<std::string> plain_ipv6(std::string_view text) {
    const auto zone = text.find('%');
    const std::string address{text.substr(0, zone)};
    in6_addr bytes{};
    if (inet_pton(AF_INET6, address.c_str(), &bytes) != 1 || zone == text.size() - 1) {
        return std::nullopt;
    }
    if (IN6_IS_ADDR_V4MAPPED(&bytes)) {
        const auto& b = bytes.s6_addr;
        return fmt::format("{}.{}.{}.{}", b[12], b[13], b[14], b[15]);
    }
    return std::string{text};
}

std::string endpoint_text(std::string_view host, std::uint16_t port) {
    return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port)
                                                    : fmt::format("[{}]:{}", host, port);
}

} // namespace msd::process
