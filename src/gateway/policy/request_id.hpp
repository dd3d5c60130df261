// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <optional>

namespace msd::gateway::policy {

/// Every exchange has an id, which the reply names in X-Request-Id: that of the client when it is
/// usable, otherwise a new one.
[[nodiscard]] std::optional<refusal> set_request_id(exchange_state& exchange);

} // namespace msd::gateway::policy
