// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <asio/awaitable.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace msd::gateway::policy {

/// 429 with Retry-After for a request beyond the limit of its route, or of the gateway. All replies
/// to requests with a limit have the fields RateLimit-Policy and RateLimit
/// (draft-ietf-httpapi-ratelimit-headers).
/// When several gateways have limits in common, it sets exchange.pending instead, for
/// ask_limit_store().
[[nodiscard]] std::optional<refusal> check_rate_limit(exchange_state& exchange);

// The limit that applies to a request, and whose request it is.
struct applied_limit {
    const core::request_limit* limit = nullptr; // of the route or the gateway; null: none applies
    std::string_view owner;                     // the name of the route that has it, or "gateway"
    std::string key;                            // names the limit and whose request it is
};

/// The value of the header field or the claim that `limit` names; nothing: the client counts, or
/// all do.
[[nodiscard]] std::optional<std::string>
named_value(const exchange_state& exchange, const core::request_limit& limit);

[[nodiscard]] applied_limit limit_of(const exchange_state& exchange);

/// The same for exchange.pending. When the store does not answer, this gateway counts for itself,
/// with its share of the limit: all gateways that the registry lists have an equal one.
asio::awaitable<std::optional<refusal>> ask_limit_store(exchange_state* exchange);

} // namespace msd::gateway::policy
