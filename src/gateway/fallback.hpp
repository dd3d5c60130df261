// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

// What a route has for requests that its service cannot answer ([[gateway.routes]], fallback): an
// earlier reply (gateway/stale_reply.hpp), a fixed reply, or another service. It is used for 502,
// 503 and 504 of the gateway itself, not for replies of the service, whatever their status: what
// they mean is known to the service only.
namespace msd::gateway {

/// The route with the fallbacks of the exchange. Null: the route is not of the configuration.
[[nodiscard]] const core::route_settings* fallback_route_of(const exchange_state& exchange);

/// A 502, 503 or 504 of the gateway, which can still be replaced.
[[nodiscard]] bool is_of_gateway(const exchange_state& exchange, const refusal& why);

/// Another service may get the request when the route's own has failed, whatever it did with it.
[[nodiscard]] bool may_go_elsewhere(const exchange_state& exchange);

/// Whether the head of the request is needed after the service has failed, for another service.
[[nodiscard]] bool needs_head_later(const exchange_state& exchange);

/// Whether the fixed reply of the route takes the place of the refusal.
[[nodiscard]] bool has_fallback_reply(const exchange_state& exchange, const refusal& why);

/// Sends it: with `Gateway-Fallback: reply`, because its status does not distinguish it from a
/// reply of the service, and with no-store, so that no cache gives it to others later.
void send_fallback_reply(exchange_state& exchange);

/// Directs the exchange to the other service of the route. False when the route has none, when that
/// has no route for the request, and when the request must not or cannot be sent again: it may have
/// been executed and is not idempotent, or has a body.
[[nodiscard]] bool turn_to_fallback_service(exchange_state& exchange, const refusal& why);

} // namespace msd::gateway
