// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <optional>

namespace msd::gateway::policy {

/// Reads the Idempotency-Key; 400 when it is malformed or sent twice.
[[nodiscard]] std::optional<refusal> check_idempotency_key(exchange_state& exchange);

} // namespace msd::gateway::policy
