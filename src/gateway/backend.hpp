// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "gateway/exchange_flags.hpp"
#include "http/server_stream.hpp"

#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What the exchange and its backends share. A backend takes one request from a server_stream to a
// service and the reply back. It sees no socket of the client and no route.
namespace msd::gateway {

constexpr std::string_view retry_after_one_second = "Retry-After: 1\r\n"; // of a refusal

// An error reply that the gateway makes itself.
struct refusal {
    int status = 500; // 0: the request is not refused
    std::string detail;
    std::string extra; // header lines, each with CR LF
    std::string service;
    int attempts = 0;
};

/// "Retry-After: 3\r\n": in whole seconds, rounded up, at least one.
[[nodiscard]] std::string retry_after_line(milliseconds after);

// What the access log and the metrics say of an exchange. Backends fill in their part.
struct exchange_record {
    std::string endpoint; // "127.0.0.1:8081"; empty: none was reached
    int attempts = 0;     // requests sent
    int status = 0;       // of the reply; 0: none was sent
    time_point begun;
    time_point connected = time_point::min();  // a connection to the service was there
    time_point first_byte = time_point::min(); // the head of the service's reply was there
    // The reply ended before it was complete; a literal that says why, for people.
    const char* cut = nullptr;
    // What answered in the place of the service: "stale", "reply" or "service".
    const char* fallback = nullptr;
    // What the request waited for when its time was over; see upstream::timeout_log.
    const char* timeout = nullptr;
    exchange_flags flags;
    bool has_failed = false; // the request did not get a reply of the service
};

// One request as a backend gets it.
struct backend_request {
    http::server_stream& client;
    exchange_record& record;
    std::string_view service;
    std::string_view route; // its name
    std::string_view request_id;
    std::string_view trace;           // traceparent to hand on; empty: none
    std::string_view target;          // path and query for the service, the prefix stripped
    std::string_view stripped;        // the stripped prefix without its last "/": "/api"; or empty
    std::string_view client_address;  // as trusted proxies say, else of the peer
    std::string_view scheme = "http"; // of the client's request, as trusted proxies say
    std::string_view host;            // the same, of the Host field
    bool is_proxy_trusted = false;    // X-Forwarded-* and Forwarded of the request are believed
    std::size_t body_bytes_max = 0;
    deadline until = deadline::never(); // for the head of the reply
    std::string_view reply_lines;       // header lines that every reply of this exchange gets
};

} // namespace msd::gateway
