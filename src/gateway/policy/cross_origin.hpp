// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <optional>

// Requests that web pages send through the browsers of their visitors (RFC 6454; the CORS protocol
// of the Fetch standard). A browser asks the gateway before it sends a request that a form cannot
// send. Other requests it sends at once, so the gateway has to refuse the writes among them, or any
// web page could write through the browser of somebody who reaches the gateway. Programs that are
// not browsers send no Origin and are not concerned.
namespace msd::gateway::policy {

/// Adds the header lines that let the page read the reply, and that keep caches from giving it to
/// others; in the reply to OPTIONS also those that let the page send the request that its browser
/// asks about. Never refuses.
[[nodiscard]] std::optional<refusal> add_origin_lines(exchange_state& exchange);

/// 403 for a write with the form media types or without a media type, from a page of another origin
/// that gateway.cors does not name for the route.
[[nodiscard]] std::optional<refusal> check_origin(exchange_state& exchange);

} // namespace msd::gateway::policy
