// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/rate_quota.hpp"
#include "core/route_table.hpp"
#include "gateway/access_log.hpp"
#include "gateway/backend.hpp"
#include "gateway/backend/http_backend.hpp"
#include "gateway/cache/reply_store.hpp"
#include "gateway/client_identity.hpp"
#include "gateway/limit_store.hpp"
#include "gateway/meters.hpp"
#include "gateway/rate_limits.hpp"
#include "gateway/routes.hpp"
#include "gateway/settings.hpp"
#include "http/server_stream.hpp"
#include "net/byte_budget.hpp"
#include "upstream/timeout_log.hpp"
#include "upstream/upstreams.hpp"
#include "wire/http_params.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace msd::gateway {

class reply_recorder;

// What all exchanges of a worker share.
struct gateway_context {
    const gateway_settings& settings;
    const routes& table;
    upstream::upstreams& services; // that take packets
    http_backend& programs;
    net::byte_budget& body_memory; // limited by gateway.bodies_bytes_max
    core::rate_quota& log_quota;   // gateway.log_bytes_per_s
    const rate_limits& limits;
    reply_store& kept;
    access_log& log;
    meters& counts;
    upstream::injected_faults& faults; // of the tries
    // The gateway has received a list of nodes, from the registry or from the file that the workers
    // of its pool share.
    bool has_list = false;
    limit_store* shared_limits = nullptr; // of several gateways; null: only `limits`
    std::size_t gateways = 1;             // of the registry, this one included
    std::uint64_t requests = 0;
    upstream::timeout_log timeouts{};
    std::mt19937_64 random{std::random_device{}()}; // for shares of a split
};

// Where a request goes.
enum class destination : std::uint8_t {
    nowhere, // no route takes it
    packets, // to a packet service
    program, // to a web program
    canned   // nowhere: the route has the reply
};

// A limit whose store has not been asked yet.
struct pending_limit {
    core::request_limit limit;
    std::string key; // names the limit and whose request it is
};

// What is known of one request and of the reply to it. The steps of the exchange and the policies
// add to it; see exchange.hpp for their order.
struct exchange_state {
    exchange_state(gateway_context& of, http::server_stream& with) : gateway{of}, client{with} {}

    gateway_context& gateway;
    http::server_stream& client;
    exchange_record record;

    // Set before the route is looked up.
    std::string_view method; // of method_label()
    std::string request_id;
    std::string trace;       // traceparent to hand on; empty: none
    std::string reply_lines; // header lines of every reply of this exchange, each with CR LF
    // Of requests to programs, and of all when there are trusted proxies.
    std::optional<client_identity> identity;

    // The route.
    route_match route;
    destination to = destination::nowhere;
    core::route_table::match match; // of a packet service, when there is one
    std::string service;            // of a program

    std::optional<pending_limit> pending;

    // Requests of packet services only.
    wire::body_kind kind = wire::body_kind::none;
    std::size_t body_bytes = 0;         // of the complete body
    std::string params;                 // of the packet
    std::string headers;                // of the packet: those that the route wants; empty: none
    std::string idem;                   // the Idempotency-Key; empty: not sent
    reply_recorder* recorder = nullptr; // of the reply; null: it is not kept
    std::string kept_key;               // see key_of_kept_reply(); empty: no stale reply
    bool is_head = false; // the request's method; the request is released before its reply

    [[nodiscard]] const wire::http_request& head() const { return client.request(); }
    /// The address of the client, as far as it can be told.
    [[nodiscard]] const std::string& client_address() const {
        return identity ? identity->address : client.peer().host;
    }
    /// Of the route, or of the gateway.
    [[nodiscard]] std::size_t body_bytes_max() const;
    /// For the head of the reply, from now on, when the present destination has all the time.
    [[nodiscard]] deadline whole_until() const;
    /// The same; with a fallback service it has its part. A fallback service has what its
    /// predecessor left.
    [[nodiscard]] deadline reply_until();
    deadline first_until = deadline::never(); // of the service of the route, and of its fallback
};

} // namespace msd::gateway
