// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <optional>

namespace msd::gateway::policy {

/// Takes the traceparent of the client to hand on when it is valid and sent once (W3C Trace
/// Context).
[[nodiscard]] std::optional<refusal> set_trace(exchange_state& exchange);

} // namespace msd::gateway::policy
