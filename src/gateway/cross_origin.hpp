// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/allowed_origins.hpp"
#include "core/route_table.hpp"
#include "gateway/http_checks.hpp"
#include "wire/http_request_parser.hpp"

#include <string>

// Requests that web pages send through the browsers of their visitors (RFC 6454; the CORS protocol
// of the Fetch standard). A browser asks the gateway before it sends a request that a form cannot
// send. Other requests it sends at once, so the gateway has to refuse the writes among them, or any
// web page could write through the browser of somebody who reaches the gateway. Programs that are
// not browsers send no Origin and are not concerned.
namespace msd::gateway {

/// 403 for a write with the form media types or without a media type, from a page of another origin
/// that `allowed` does not name for the route.
[[nodiscard]] refusal check_origin(
    const wire::http_request& head,
    const core::route_table::match& found,
    const core::allowed_origins& allowed
);

/// Header lines that let the page read the reply, and that keep caches from giving it to others. In
/// the reply to OPTIONS also those that let the page send the request that its browser asks about.
/// Empty when `allowed` is. `found` is what `routes` has for the request.
[[nodiscard]] std::string origin_lines(
    const wire::http_request& head,
    const core::route_table& routes,
    const core::route_table::match& found,
    const core::allowed_origins& allowed
);

} // namespace msd::gateway
