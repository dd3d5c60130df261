// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/request_limit.hpp"
#include "core/resilience/service_settings.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msd::core {

// One route of the configuration: an entry of [[gateway.routes]], or a --route of the command line.
// Plain values as they were written, already checked one by one; core/configured_routes compiles
// them.
struct route_settings {
    // A reply without a service behind it.
    struct canned_redirect {
        int status = 302;     // 301, 302, 303, 307, 308
        std::string location; // "{path}" and "{query}" stand for those of the request
    };
    struct canned_reply {
        int status = 200;
        std::string type = "text/plain; charset=utf-8";
        std::string body;
    };
    enum class share_key : std::uint8_t { request, client, cookie };

    std::string name;                 // in logs and lists; the path when it is not given
    std::string source;               // "FILE:LINE" or "--route", for messages and lists
    std::vector<std::string> hosts;   // "shop.example", "*.shop.example"; empty: every host
    std::string path;                 // ends in "/": a prefix; "{id}": a segment; else exact
    std::vector<std::string> methods; // empty: every method
    // Exactly one of these four is set: service, split, redirect, respond.
    std::string service;
    std::vector<std::pair<std::string, unsigned>> split; // services with their weights
    std::optional<canned_redirect> redirect;
    std::optional<canned_reply> respond;
    // For requests that the service cannot answer: an earlier reply, when there is one that is not
    // older; otherwise one of the other two, of which at most one is set.
    bool fallback_stale = false;
    milliseconds fallback_stale_max{3'600'000};
    std::optional<canned_reply> fallback_reply;
    std::string fallback_service;
    share_key split_by = share_key::client; // what decides the share of a request
    bool strip_prefix = false;              // "/api/x" reaches the service as "/x"
    // None: the gateway's, if it has one; one that is not on: no limit.
    std::optional<request_limit> limit;
    milliseconds timeout{0};                   // 0: of the gateway or the program
    std::optional<std::size_t> body_bytes_max; // none: gateway.body_bytes_max
};

// One [upstream.NAME]: programs that speak HTTP/1.1, for routes that name this service.
struct upstream_program_settings {
    enum class host_field : std::uint8_t { keep, upstream };

    std::string name;
    std::string source;
    std::vector<std::string> addresses; // "127.0.0.1:8081", "[::1]:80", "app.internal:80"
    host_field host = host_field::keep; // the Host that the program receives
    bool forwarded = false;             // also adds Forwarded (RFC 7239)
    milliseconds connect_timeout{250};
    milliseconds first_byte_timeout{60'000};     // from the end of the request to the reply's head
    milliseconds between_bytes_timeout{60'000};  // of the reply
    milliseconds tunnel_idle_timeout{3'600'000}; // of an upgraded connection
    milliseconds idle_timeout{60'000};           // of a kept connection
    std::size_t idle_connections_max = 64;       // kept for each address, per worker
    resilience::service_settings policies;
};

} // namespace msd::core
