// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <optional>

namespace msd::gateway::policy {

/// 429 for log lines of an address that sends more than gateway.log_bytes_per_s.
[[nodiscard]] std::optional<refusal> check_log_quota(exchange_state& exchange);

} // namespace msd::gateway::policy
