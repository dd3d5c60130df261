// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "services/service.hpp"

#include <span>
#include <string>
#include <string_view>

// Who sends the requests of one packet connection: what the connection itself shows, what the hello
// of its peer adds, and the address of the HTTP client that a gateway adds to a request
// (docs/protocol.md, 4). Only the gateway's word on the client is used, and only its member at the
// top of the packet: a client can set nothing there.
namespace msd::host {

/// Adds what the hello of the peer contains. A second hello on the connection changes nothing.
void add_hello(services::sender& peer, std::string_view name);

/// A copy of `peer` for one request, with the address of the HTTP client when the peer is a gateway
/// that is believed. `fields` are the members at the top of the request.
[[nodiscard]] services::sender
sender_of(const services::sender& peer, const json::object& fields, bool is_proof_needed);

/// The header fields of the HTTP request that a gateway has added, as far as the route wants them.
/// Unlike `client` they are data of the client, like params: any peer may send them.
[[nodiscard]] wire::http_fields
wanted_headers(const json::object& fields, std::span<const std::string_view> wanted);

} // namespace msd::host
