// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/limit_store.hpp"
#include "store/redis/settings.hpp"

#include <string>

namespace msd::app {

/// Limits in a Redis, for all gateways that use it: one script takes a request by the generic cell
/// rate algorithm (core/resilience/rate_limiter.hpp) and the clock of the server. A reply that is
/// not there after 50 ms is an error.
[[nodiscard]] gateway::limit_store_maker redis_limits(store::redis::client_settings where);

/// The script. Its key is that of the limit, its arguments the interval and the tolerance in µs;
/// its reply is whether the request is allowed, and the µs that the next one is ahead of the rate.
[[nodiscard]] const std::string& limit_script();

} // namespace msd::app
