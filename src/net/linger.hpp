// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "net/watchdog.hpp"

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <cstddef>

// How a connection is given up whose peer still sends: closed with unread input it would be reset,
// and the peer would lose the last words it was sent before it had read them.
namespace msd::net {

inline constexpr std::size_t linger_bytes_max = 1 << 20;
inline constexpr milliseconds linger_limit{2000};

/// Reads and drops until the peer ends, or one of the limits is reached. The sending side should be
/// shut down before; the caller closes. The socket must be non-blocking, and outlive this.
asio::awaitable<void> drop_input(asio::ip::tcp::socket* socket, watchdog* dog);

} // namespace msd::net
