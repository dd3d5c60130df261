// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/trace.hpp"

#include "gateway/single_field.hpp"
#include "wire/trace_context.hpp"

namespace msd::gateway::policy {

std::optional<refusal> set_trace(exchange_state& exchange) {
    const single_field given = find_single(exchange.head(), "traceparent");
    if (given.value != nullptr && !given.is_repeated) {
        exchange.trace = wire::traceparent_to_forward(*given.value);
    }
    return {};
}

} // namespace msd::gateway::policy
