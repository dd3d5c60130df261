// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

// The listening sockets of one pool: bound by the master before anything starts, inherited by every
// worker. One socket per address, never one per worker: connections wait in it while workers come
// and go.
struct listen_set {
    std::vector<unique_fd> sockets; // close-on-exec, listening
    std::string host;               // the first address as text
    std::uint16_t port = 0;
    bool was_handed = false; // by the service manager, which has them itself
    bool is_our_own = false; // bound by this process: no other program will use the sockets again
};

/// `host` is an address or a name; empty: 127.0.0.1 and [::1], the latter only where the machine
/// has it. `port` 0: a free one, the same for all addresses. A port that belongs to another msd, or
/// to nobody who can be seen, is waited for, soon_max at most: its master may have been killed.
/// errc::conflict: taken, with port and owner; errc::invalid: no such address; errc::denied: not
/// allowed (ports below 1024).
[[nodiscard]] result<listen_set> listen_on(std::string_view host, std::uint16_t port);

/// Of sockets that the service manager handed over: at least one, each listening on TCP.
[[nodiscard]] listen_set adopt(std::vector<unique_fd> sockets);

/// `sockets`, which a master before this one made, when they are what listen_on() would bind now,
/// as it would return them. Nothing, and they stay where they are, when they are not: of another
/// address, too few, too many, or no listening sockets.
[[nodiscard]] std::optional<listen_set>
recognize(std::vector<unique_fd>& sockets, std::string_view host, std::uint16_t port);

/// Nobody can begin to connect any more: the kernel ignores what is sent for that, and the client
/// tries again after a second. Connections that wait in the queues stay. Only for sockets of our
/// own, since it holds for every process that has them; does nothing for others.
void hold_new_connections(const listen_set& listeners);

/// They listen no more, whoever has copies of them: their addresses are free.
void silence(const std::vector<unique_fd>& sockets);

/// `text`, an IPv6 address which may have a zone, as others are told it: an IPv4-mapped one as IPv4
/// (RFC 4291, 2.5.5.2). Nothing when it is no address.
[[nodiscard]] std::optional<std::string> plain_ipv6(std::string_view text);

/// "127.0.0.1:8000", "[::1]:8000".
[[nodiscard]] std::string endpoint_text(std::string_view host, std::uint16_t port);

} // namespace msd::process
