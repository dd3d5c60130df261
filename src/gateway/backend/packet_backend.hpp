// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <asio/awaitable.hpp>

#include <optional>

namespace msd::gateway {

/// Takes a request to a packet service and the reply back: path variables, query and body become
/// the params of one packet, and the packet of the reply becomes the body. The body of the request
/// is read completely, within gateway.bodies_bytes_max of the worker. Nothing: a reply was sent, or
/// the stream was reset.
asio::awaitable<std::optional<refusal>> run_packet_backend(exchange_state* exchange);

} // namespace msd::gateway
