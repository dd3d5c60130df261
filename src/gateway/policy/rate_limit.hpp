// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <optional>

namespace msd::gateway::policy {

/// 429 with Retry-After for a request beyond the limit of its route, or of the gateway. All replies
/// to requests with a limit have the fields RateLimit-Policy and RateLimit
/// (draft-ietf-httpapi-ratelimit-headers).
[[nodiscard]] std::optional<refusal> check_rate_limit(exchange_state& exchange);

} // namespace msd::gateway::policy
