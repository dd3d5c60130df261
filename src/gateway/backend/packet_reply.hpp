// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <asio/awaitable.hpp>

// Sends the reply of a packet service to the client. The packet without its members for the gateway
// is the body; status and headers go into the head.
namespace msd::gateway {

/// A reply with its whole body. Most replies have no headers and cost no allocation here.
void send_packet_reply(exchange_state& exchange, const upstream::upstreams::attempt& made);

/// A reply that is a stream: each part goes out at once, as text or as a server-sent event. A
/// client that reads slowly holds its service back; when it leaves, the stream is cancelled. A
/// stream that the service does not complete is cut. `made` has a stream.
asio::awaitable<void>
send_packet_stream(exchange_state* exchange, const upstream::upstreams::attempt* made);

} // namespace msd::gateway
