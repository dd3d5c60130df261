// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <optional>

namespace msd::gateway::policy {

/// For packet services, which get JSON: 415 for another media type than JSON and forms, or for a
/// content coding; 400 for a PUT of a part.
[[nodiscard]] std::optional<refusal> check_media_type(exchange_state& exchange);

} // namespace msd::gateway::policy
