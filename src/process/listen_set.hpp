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

// The listening sockets of one pool: bound by the master before it starts workers, inherited by
// every worker. There is one socket per address, never one per worker, so connections wait in its
// queue while a worker is replaced.
struct listen_set {
    std::vector<unique_fd> sockets; // close-on-exec, listening
    std::string host;               // the first address as text
    std::uint16_t port = 0;
    bool was_handed = false; // by the service manager, which holds copies
    bool is_our_own = false; // bound by this process, and no other program uses the sockets later
};

/// `host` is an address or a name; empty: 127.0.0.1 and [::1], the latter only where the machine
/// has it. `port` 0: a free one, the same for all addresses. When another msd or an unknown process
/// has the port, this waits for it, wait_max at most: the other master may have been killed a
/// moment ago. errc::conflict: the port is in use, with port and owner; errc::invalid: no such
/// address; errc::denied: no permission (ports below 1024).
[[nodiscard]] result<listen_set> listen_on(std::string_view host, std::uint16_t port);

/// A set of the sockets that the service manager passed: at least one, each listening on TCP.
[[nodiscard]] listen_set adopt(std::vector<unique_fd> sockets);

/// Takes `sockets`, which an earlier master bound, when listen_on() would bind the same ones now,
/// in the same order; [::1] may be missing. Otherwise (another address, too few, too many, not
/// listening) returns nothing and does not change `sockets`.
[[nodiscard]] std::optional<listen_set>
recognize(std::vector<unique_fd>& sockets, std::string_view host, std::uint16_t port);

/// Stops new connections from being made: the kernel ignores their SYN segments, which the client
/// repeats after a second. Connections in the queues stay. The sockets stay so in every process
/// that has them, so this does nothing unless they are is_our_own.
void hold_new_connections(const listen_set& listeners);

/// Shuts the sockets down in every process that has them, which makes their addresses free.
void silence(const std::vector<unique_fd>& sockets);

/// `text`, an IPv6 address with or without a zone, in the form that msd sends to others: an
/// IPv4-mapped address as IPv4 (RFC 4291, 2.5.5.2). Nothing when it is not an address.
[[nodiscard]] std::optional<std::string> plain_ipv6(std::string_view text);

/// "127.0.0.1:8000", "[::1]:8000".
[[nodiscard]] std::string endpoint_text(std::string_view host, std::uint16_t port);

} // namespace msd::process
