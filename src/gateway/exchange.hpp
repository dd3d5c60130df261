// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"
#include "http/server_stream.hpp"

#include <asio/awaitable.hpp>

#include <string_view>

namespace msd::gateway {

/// The life of one request, from its head to the end of the reply: identify, route, policies
/// (policies.hpp), backend, reply, record. Whatever the client's protocol and the backend's.
asio::awaitable<void> run_exchange(gateway_context* gateway, http::server_stream* client);

/// The reply to a request whose head is malformed or not complete.
void refuse_malformed(
    gateway_context& gateway,
    http::server_stream& client,
    int status,
    std::string_view text
);

} // namespace msd::gateway
