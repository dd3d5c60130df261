// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

// Makes TCP sockets: adopts accepted ones or connects new ones. All are non-blocking and send
// without delay.
namespace msd::net {

// The address of a peer, IPv4-mapped addresses as plain IPv4.
struct peer_address {
    std::string host;
    std::uint16_t port = 0;

    [[nodiscard]] std::string text() const; // "127.0.0.1:9000", "[::1]:9000"
    auto operator<=>(const peer_address&) const = default;
};

/// The peer's address of a connected socket; empty when the connection has ended already.
[[nodiscard]] peer_address address_of(const asio::ip::tcp::socket& socket);

/// Whether the peer's address is a loopback address or the socket's own address: then the peer runs
/// on this host, or reached it through a proxy on this host. False when the connection has ended.
[[nodiscard]] bool is_peer_on_this_host(const asio::ip::tcp::socket& socket);

/// Takes over an accepted descriptor.
[[nodiscard]] asio::ip::tcp::socket adopt_socket(const asio::any_io_executor& executor, int fd);

/// Makes the kernel end the connection when the peer's host does not answer keep-alive probes, or
/// does not acknowledge sent bytes, for `limit`.
void detect_vanished_peer(asio::ip::tcp::socket& socket, milliseconds limit);

/// Connects to a name or an address; tries every address of a name (net/name_resolver.hpp looks
/// names up). errc::unavailable with the system's reason, errc::timeout.
asio::awaitable<result<asio::ip::tcp::socket>>
connect(asio::any_io_executor executor, std::string host, std::uint16_t port, deadline until);

/// The same for the host of a node that a registry lists. Never connects to an address that
/// core::check_advertised_host() refuses, also when a name resolves to it: errc::denied.
asio::awaitable<result<asio::ip::tcp::socket>> connect_to_node(
    asio::any_io_executor executor,
    std::string host,
    std::uint16_t port,
    deadline until
);

/// Connects to the first of these addresses that accepts; each gets an equal share of the time that
/// is left. Messages call them `target`. Errors are those of connect().
asio::awaitable<result<asio::ip::tcp::socket>> connect_to_any(
    asio::any_io_executor executor,
    std::vector<asio::ip::tcp::endpoint> endpoints,
    std::string target,
    deadline until
);

} // namespace msd::net
