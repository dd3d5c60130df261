// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/rate_quota.hpp"
#include "core/route_table.hpp"
#include "gateway/backend.hpp"
#include "gateway/settings.hpp"
#include "http/server_stream.hpp"
#include "net/byte_budget.hpp"
#include "upstream/upstreams.hpp"
#include "wire/http_params.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msd::gateway {

// What all exchanges of a worker share.
struct gateway_context {
    const gateway_settings& settings;
    upstream::upstreams& services;
    net::byte_budget& body_memory; // limited by gateway.bodies_bytes_max
    core::rate_quota& log_quota;   // gateway.log_bytes_per_s
    // The gateway has received a list of nodes, from the registry or from the file that the workers
    // of its pool share.
    bool has_list = false;
    std::uint64_t requests = 0;
};

// What is known of one request and of the reply to it. The steps of the exchange and the policies
// add to it; see exchange.hpp for their order.
struct exchange_state {
    exchange_state(gateway_context& of, http::server_stream& with) : gateway{of}, client{with} {}

    gateway_context& gateway;
    http::server_stream& client;
    exchange_record record;

    // Set by policies before the route is looked up.
    std::string request_id;
    std::string trace;       // traceparent to hand on; empty: none
    std::string reply_lines; // header lines of every reply of this exchange, each with CR LF

    // The route.
    core::route_table::match match;

    // Requests of packet services only.
    wire::body_kind kind = wire::body_kind::none;
    std::size_t body_bytes = 0; // of the complete body
    std::string params;         // of the packet
    std::string idem;           // the Idempotency-Key; empty: not sent

    [[nodiscard]] const wire::http_request& head() const { return client.request(); }
    [[nodiscard]] std::size_t body_bytes_max() const;
};

} // namespace msd::gateway
