// SPDX-License-Identifier: Apache-2.0
#include "gateway/fallback.hpp"

#include "base/log.hpp"
#include "core/resilience/retry_plan.hpp"
#include "gateway/policy/cross_origin.hpp"
#include "gateway/reply.hpp"
#include "gateway/route_choice.hpp"

namespace msd::gateway {

const core::route_settings* fallback_route_of(const exchange_state& exchange) {
    return exchange.route.what == route_match::outcome::configured
               ? &exchange.route.configured->settings
               : nullptr;
}

bool is_of_gateway(const exchange_state& exchange, const refusal& why) {
    const bool is_failure = why.status == 502 || why.status == 503 || why.status == 504;
    return is_failure && exchange.client.is_open() && !exchange.client.is_head_sent();
}

bool may_go_elsewhere(const exchange_state& exchange) {
    const wire::http_request& head = exchange.head();
    return needs_head_later(exchange) && !head.has_body() &&
           core::resilience::is_idempotent(head.method);
}

bool needs_head_later(const exchange_state& exchange) {
    const core::route_settings* const route = fallback_route_of(exchange);
    return route != nullptr && !route->fallback_service.empty();
}

bool has_fallback_reply(const exchange_state& exchange, const refusal& why) {
    const core::route_settings* const route = fallback_route_of(exchange);
    return route != nullptr && route->fallback_reply && is_of_gateway(exchange, why);
}

void send_fallback_reply(exchange_state& exchange) {
    const core::route_settings::canned_reply& reply = *fallback_route_of(exchange)->fallback_reply;
    exchange.record.fallback = "reply";
    exchange.reply_lines += "Gateway-Fallback: reply\r\nCache-Control: no-store\r\n";
    send_text(exchange, reply.status, reply.type, reply.body);
}

bool turn_to_fallback_service(exchange_state& exchange, const refusal& why) {
    if (!needs_head_later(exchange) || !is_of_gateway(exchange, why)) {
        return false;
    }
    const wire::http_request& head = exchange.head();
    const bool may_repeat =
        exchange.record.attempts == 0 || core::resilience::is_idempotent(head.method);
    if (head.has_body() || !may_repeat) {
        return false;
    }
    const std::string& service = fallback_route_of(exchange)->fallback_service;
    log::debug("{}: {}; {} gets the request", exchange.request_id, why.detail, service);
    exchange.params.clear();
    exchange.headers.clear();
    exchange.idem.clear();
    take_service(exchange, service);
    const bool is_for_packets = exchange.to == destination::packets;
    if (exchange.to == destination::nowhere ||
        (is_for_packets && policy::check_origin(exchange))) { // programs have rules of their own
        return false;
    }
    exchange.record.fallback = "service";
    exchange.reply_lines += "Gateway-Fallback: service\r\n";
    return true;
}

} // namespace msd::gateway
