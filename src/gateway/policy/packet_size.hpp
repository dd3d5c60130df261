// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <optional>

namespace msd::gateway::policy {

/// 413 for a request that services do not accept. Many clients share the connection to the service,
/// so the request of one client must not end it.
[[nodiscard]] std::optional<refusal> check_packet_size(exchange_state& exchange);

} // namespace msd::gateway::policy
