// SPDX-License-Identifier: Apache-2.0
#include "gateway/policies.hpp"

#include "gateway/policy/body_size.hpp"
#include "gateway/policy/cross_origin.hpp"
#include "gateway/policy/idempotency.hpp"
#include "gateway/policy/log_quota.hpp"
#include "gateway/policy/media_type.hpp"
#include "gateway/policy/packet_size.hpp"
#include "gateway/policy/request_id.hpp"
#include "gateway/policy/trace.hpp"

#include <array>

namespace msd::gateway {

namespace {

struct entry {
    stage when;
    std::optional<refusal> (*run)(exchange_state& exchange);
};

// The order is part of the contract with clients: route (404, 405), origin (403), length (413),
// media type and coding (415), then the content (400).
constexpr std::array<entry, 9> table{{
    {stage::arrival, policy::set_request_id},
    {stage::arrival, policy::set_trace},
    {stage::routed, policy::add_origin_lines},
    {stage::head, policy::check_origin},
    {stage::head, policy::check_body_size},
    {stage::head, policy::check_media_type},
    {stage::body, policy::check_log_quota},
    {stage::content, policy::check_idempotency_key},
    {stage::content, policy::check_packet_size},
}};

} // namespace

std::optional<refusal> run_policies(stage now, exchange_state& exchange) {
    std::optional<refusal> why;
    for (const entry& each : table) {
        if (each.when == now && (why = each.run(exchange))) {
            break;
        }
    }
    return why;
}

} // namespace msd::gateway
