// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_request_parser.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The head of a request as a web program gets it: the client's fields, and what the gateway says
// about the client. How the body is framed on this connection is decided here, never copied.
namespace msd::gateway {

struct forwarded_request {
    explicit forwarded_request(const wire::http_request& of) : head{of} {}

    const wire::http_request& head;
    std::string_view target;
    std::string_view host; // of the Host field
    std::string_view peer; // the address that the gateway's client connected from; may be empty
    std::string_view client_scheme = "http";
    std::string_view client_host; // that the client asked for
    std::string_view request_id;  // may be empty
    std::string_view trace;       // the same
    bool adds_forwarded = false;  // RFC 7239
    // X-Forwarded-*, X-Real-IP and Forwarded of the request are handed on, completed; otherwise
    // the gateway's own replace them.
    bool is_proxy_trusted = false;
    bool upgrades = false; // head.upgrade is asked for
    bool expects_continue = false;
    // At most one of both. Neither: the request has no body.
    std::optional<std::uint64_t> content_length;
    bool is_chunked = false;
};

/// Appends the request line and all fields, with the empty line behind them.
void append_request_head(std::string& out, const forwarded_request& what);

/// The Host field that the client sent, or the authority of a target in absolute form, which
/// replaces it (RFC 9112, 3.2.2). Empty: neither.
[[nodiscard]] std::string_view requested_host(const wire::http_request& head);

} // namespace msd::gateway
