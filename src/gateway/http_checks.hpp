// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_params.hpp"
#include "wire/http_request_parser.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// Reads and checks one request of the gateway, except for its route. http_session decides what
// happens to the connection.
namespace msd::gateway {

// An error reply that the gateway makes itself.
struct refusal {
    int status = 500; // 0: the request is not refused
    std::string_view detail;
    std::string_view extra; // header lines
    std::string_view service;
    int attempts = 0;
};

// The parts of a head that are needed when the body is complete and the head is freed.
struct head_fields {
    std::string query;
    std::optional<std::string> idem; // nothing: malformed, or sent twice; empty: not sent
    std::string trace;               // to hand on; empty without a valid one
    wire::body_kind kind = wire::body_kind::none;
    bool has_body = false;
};

[[nodiscard]] head_fields fields_of(const wire::http_request& head);

/// The client's X-Request-Id when it is usable, otherwise a new one.
[[nodiscard]] std::string request_id_of(const wire::http_request& request);

/// 415 for a media type or a content coding that is not supported; 400 for a PUT of a part.
[[nodiscard]] refusal check_content(const wire::http_request& head);

/// Whether a service with this packets.request_bytes_max accepts a request with these params. Many
/// clients share the connection to the service, so the request of one client must not end it.
[[nodiscard]] bool
fits_packet(std::string_view params, std::string_view uri, std::size_t request_bytes_max);

} // namespace msd::gateway
