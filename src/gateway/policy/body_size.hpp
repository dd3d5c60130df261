// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <optional>

namespace msd::gateway::policy {

/// 413 for a body that announces more than the gateway accepts.
[[nodiscard]] std::optional<refusal> check_body_size(exchange_state& exchange);

} // namespace msd::gateway::policy
