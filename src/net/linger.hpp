// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "net/watchdog.hpp"

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <cstddef>

// Closing a connection whose peer still sends. A socket that is closed with unread input resets the
// connection, and the peer loses the last reply if it has not read it yet. So msd first reads and
// drops what the peer sends, within bounds.
namespace msd::net {

struct linger_bounds {
    std::size_t bytes_max = std::size_t{1} << 20;
    milliseconds idle{2000};  // without a byte
    milliseconds total{2000}; // even if the peer keeps sending
};

/// Reads and drops until the peer ends, or one of the bounds is reached. The sending side should be
/// shut down before; the caller closes the socket, which must be non-blocking and outlive this.
asio::awaitable<void>
drop_input(asio::ip::tcp::socket* socket, watchdog* dog, linger_bounds bounds);

} // namespace msd::net
