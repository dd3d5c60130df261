// SPDX-License-Identifier: Apache-2.0
#include "gateway/policies.hpp"

#include "gateway/policy/body_size.hpp"
#include "gateway/policy/cross_origin.hpp"
#include "gateway/policy/idempotency.hpp"
#include "gateway/policy/log_quota.hpp"
#include "gateway/policy/media_type.hpp"
#include "gateway/policy/packet_size.hpp"
#include "gateway/policy/rate_limit.hpp"
#include "gateway/policy/request_id.hpp"
#include "gateway/policy/trace.hpp"

#include <array>
#include <cstdint>

namespace msd::gateway {

namespace {

enum class concerns : std::uint8_t {
    all,
    // Web programs and the replies of routes are not concerned: a program has rules of its own.
    packets_or_nothing,
};

struct entry {
    stage when;
    concerns which;
    std::optional<refusal> (*run)(exchange_state& exchange);
};

// The order is part of the contract with clients: route (404, 405), origin (403), limit (429),
// length (413), media type and coding (415), then the content (400). A page of another origin
// cannot use up what its visitor may send.
constexpr std::array<entry, 10> table{{
    {stage::arrival, concerns::all, policy::set_request_id},
    {stage::arrival, concerns::all, policy::set_trace},
    {stage::routed, concerns::packets_or_nothing, policy::add_origin_lines},
    {stage::head, concerns::packets_or_nothing, policy::check_origin},
    {stage::head, concerns::all, policy::check_rate_limit},
    {stage::head, concerns::all, policy::check_body_size},
    {stage::head, concerns::packets_or_nothing, policy::check_media_type},
    {stage::body, concerns::packets_or_nothing, policy::check_log_quota},
    {stage::content, concerns::packets_or_nothing, policy::check_idempotency_key},
    {stage::content, concerns::packets_or_nothing, policy::check_packet_size},
}};

bool is_concerned(const entry& of, const exchange_state& exchange) {
    return of.which == concerns::all || exchange.to == destination::packets ||
           exchange.to == destination::nowhere;
}

} // namespace

std::optional<refusal> run_policies(stage now, exchange_state& exchange) {
    std::optional<refusal> why;
    for (const entry& each : table) {
        if (each.when == now && is_concerned(each, exchange)) {
            why = each.run(exchange);
        }
        if (why) {
            break;
        }
    }
    return why;
}

} // namespace msd::gateway
