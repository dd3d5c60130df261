// SPDX-License-Identifier: Apache-2.0
#include "gateway/exchange.hpp"

#include "base/uuid.hpp"
#include "gateway/backend/packet_backend.hpp"
#include "gateway/policies.hpp"
#include "gateway/reply.hpp"

#include <algorithm>
#include <optional>

namespace msd::gateway {

namespace {

constexpr const char* no_list =
    "the gateway has not received the list of services from the registry yet";

// Requests that get their reply because of their route or for want of one: OPTIONS, 404, 405. True:
// the exchange is complete.
bool reply_by_route(exchange_state& exchange, std::optional<refusal>& why) {
    using outcome = core::route_table::outcome;
    const wire::http_request& head = exchange.head();
    const core::route_table::match& found = exchange.match;
    if (!head.is_known_method) {
        why = refusal{501, "unknown method", {}, {}, 0};
        return false;
    }
    if (head.method == "OPTIONS" && (head.path == "*" || found.what == outcome::wrong_method)) {
        send_options(exchange, found.allow);
        return true;
    }
    if (found.what == outcome::unknown && !exchange.gateway.has_list) {
        why = refusal{503, no_list, std::string{retry_after_one_second}, {}, 0};
    } else if (found.what == outcome::unknown) {
        why = refusal{404, "no service offers this path", {}, {}, 0};
    } else if (found.what == outcome::wrong_method) {
        const std::string allow = "Allow: " + found.allow + "\r\n";
        why = refusal{405, "the path does not support this method", allow, {}, 0};
    }
    return false;
}

} // namespace

std::size_t exchange_state::body_bytes_max() const {
    return std::min(gateway.settings.body_bytes_max, gateway.settings.bodies_bytes_max);
}

asio::awaitable<void> run_exchange(gateway_context* gateway, http::server_stream* client) {
    ++gateway->requests;
    exchange_state exchange{*gateway, *client};
    exchange.record.begun = clock::now();
    std::optional<refusal> why = run_policies(stage::arrival, exchange);
    const wire::http_request& head = client->request();
    exchange.match = gateway->services.routes().find(head.method, head.path);
    if (!why) {
        why = run_policies(stage::routed, exchange);
    }
    if (!why && reply_by_route(exchange, why)) {
        co_return;
    }
    if (!why) {
        why = run_policies(stage::head, exchange);
    }
    if (!why) {
        why = co_await run_packet_backend(&exchange);
    }
    if (why) {
        send_refusal(exchange, *why);
    }
}

void refuse_malformed(
    gateway_context& gateway,
    http::server_stream& client,
    int status,
    std::string_view text
) {
    exchange_state exchange{gateway, client};
    exchange.request_id = uuid_v7();
    exchange.reply_lines = "X-Request-Id: " + exchange.request_id + "\r\n";
    const std::string_view extra = status == 503 ? retry_after_one_second : std::string_view{};
    send_refusal(exchange, {status, std::string{text}, std::string{extra}, {}, 0});
}

} // namespace msd::gateway
