// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/body_size.hpp"

#include "http/server_connection.hpp"

namespace msd::gateway::policy {

std::optional<refusal> check_body_size(exchange_state& exchange) {
    const std::size_t most = exchange.body_bytes_max();
    if (exchange.head().content_length.value_or(0) > most) {
        return refusal{413, http::body_too_large(most), {}, {}, 0};
    }
    return {};
}

} // namespace msd::gateway::policy
