// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/route_table.hpp"
#include "gateway/exchange_state.hpp"

#include <optional>
#include <string_view>

// The step of an exchange in which the route is looked up, with the service of a split.
namespace msd::gateway {

/// Sets the route, where the request goes, and for a program its service.
void choose_route(exchange_state& exchange);

/// Directs the exchange of a configured route to `service`: a program, a packet service with a
/// route for the request, or nowhere.
void take_service(exchange_state& exchange, std::string service);

/// Why choose_route() has found nothing: 400, 404, 405, 501 or 503. Nothing: there is a route.
[[nodiscard]] std::optional<refusal> refuse_without_route(const exchange_state& exchange);

/// What a packet service has for the same request with this method.
[[nodiscard]] core::route_table::match
packet_route(const exchange_state& exchange, std::string_view method);

/// The path and query of the request target, also of one in absolute form.
[[nodiscard]] std::string origin_form(const wire::http_request& head);

} // namespace msd::gateway
