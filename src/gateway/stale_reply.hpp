// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <memory>
#include <string>
#include <vector>

// The last good reply to a request in the place of an error of the gateway, for routes with
// fallback.stale. gateway/cache/reply_recorder decides by the reply whether it is kept, this file
// by the request.
namespace msd::gateway {

/// Whether one of the routes keeps replies.
[[nodiscard]] bool keep_replies(const std::vector<core::route_settings>& routes);

/// The name of the replies to GET and HEAD requests like this one: route, host, Accept-Encoding and
/// target. It is empty when the route keeps none, and when the request may concern one client only:
/// it has Authorization, Cookie, a body or a secret parameter, or the service gets more of it than
/// the parameters. After the route is known.
[[nodiscard]] std::string key_of_kept_reply(const exchange_state& exchange);

/// The reply that takes the place of the refusal; null: there is none.
[[nodiscard]] std::shared_ptr<const kept_reply>
stale_reply_for(const exchange_state& exchange, const refusal& why);

/// Sends it with Age, Cache-Status (RFC 9211) and `Gateway-Fallback: stale`.
void send_stale_reply(exchange_state& exchange, const kept_reply& reply);

} // namespace msd::gateway
