// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/log_quota.hpp"

namespace msd::gateway::policy {

namespace {

constexpr const char* too_many_logs =
    "this address sends more log lines than the gateway accepts: send fewer";

// Routes without a reply that want the client are those of msd's logs service.
bool is_log(const core::service_route& route) {
    return route.one_way && route.wants_client;
}

} // namespace

std::optional<refusal> check_log_quota(exchange_state& exchange) {
    if (!is_log(*exchange.match.target)) {
        return {};
    }
    const std::size_t bytes = exchange.body_bytes + exchange.head().query.size();
    if (exchange.gateway.log_quota.take(exchange.client_address(), bytes, clock::now())) {
        return {};
    }
    return refusal{429, too_many_logs, std::string{retry_after_one_second}, {}, 0};
}

} // namespace msd::gateway::policy
