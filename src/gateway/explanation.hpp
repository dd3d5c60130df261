// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <string>
#include <string_view>

namespace msd::gateway {

/// What this worker would do with a request now, and why: the route, the policies with their values
/// and states, the candidates and which of them the balancer would choose (`msd explain`). Nothing
/// is sent, counted, taken or changed. `question` is a JSON object: "method", "target", and
/// optionally "host", "client" (an address) and "headers" (["NAME: VALUE", …]). The answer is one
/// as well, see msd(8); {"error":…,"status":…} when there is no route or the request is none.
/// Values of secret names are ***.
[[nodiscard]] std::string explain(const gateway_context& within, std::string_view question);

} // namespace msd::gateway
