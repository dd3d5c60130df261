// SPDX-License-Identifier: Apache-2.0
#include "gateway/stale_reply.hpp"

#include "base/masking.hpp"
#include "gateway/fallback.hpp"
#include "gateway/route_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <iterator>
#include <string_view>

namespace msd::gateway {

namespace {

std::string_view field_of(const wire::http_request& head, std::string_view name) {
    const std::string_view* const found = head.header(name);
    return found == nullptr ? std::string_view{} : *found;
}

std::int64_t seconds_of(milliseconds time) {
    return std::chrono::floor<std::chrono::seconds>(time).count();
}

bool is_useful(const kept_reply& reply, milliseconds age, milliseconds age_max) {
    return age <= age_max && (!reply.useful || age <= reply.fresh_for + *reply.useful);
}

} // namespace

bool keep_replies(const std::vector<core::route_settings>& routes) {
    return std::ranges::any_of(routes, &core::route_settings::fallback_stale);
}

std::string key_of_kept_reply(const exchange_state& exchange) {
    const core::route_settings* const route = fallback_route_of(exchange);
    if (route == nullptr || !route->fallback_stale) {
        return {};
    }
    const wire::http_request& head = exchange.head();
    const bool is_read = head.method == "GET" || head.method == "HEAD";
    const auto& packets = exchange.match.target;
    const bool is_personal = packets != nullptr && (packets->has_secrets || packets->wants_client ||
                                                    !packets->wants.empty());
    if (!is_read || is_personal || head.has_body() || head.header("authorization") != nullptr ||
        head.header("cookie") != nullptr || !head.upgrade.empty()) {
        return {};
    }
    const std::string target = origin_form(head);
    if (masked(target) != target) {
        return {};
    }
    std::string host{field_of(head, "host")};
    std::ranges::transform(host, host.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    // No part but the last contains a line end.
    return fmt::format(
        "{}\n{}\n{}\n{}",
        exchange.route.name(),
        host,
        field_of(head, "accept-encoding"),
        target
    );
}

std::shared_ptr<const kept_reply>
stale_reply_for(const exchange_state& exchange, const refusal& why) {
    if (exchange.kept_key.empty() || !is_of_gateway(exchange, why)) {
        return nullptr;
    }
    auto found = exchange.gateway.kept.find(exchange.kept_key);
    const milliseconds age_max = fallback_route_of(exchange)->fallback_stale_max;
    if (found && !is_useful(*found, found->age_at(clock::now()), age_max)) {
        return nullptr;
    }
    return found;
}

void send_stale_reply(exchange_state& exchange, const kept_reply& reply) {
    const milliseconds age = reply.age_at(clock::now());
    exchange.record.fallback = "stale";
    // RFC 9211: a request that was sent to a service is no hit.
    fmt::format_to(
        std::back_inserter(exchange.reply_lines),
        "Age: {}\r\nCache-Status: msd; {}; ttl={}\r\nGateway-Fallback: stale\r\n",
        seconds_of(age),
        exchange.record.attempts == 0 ? "hit" : "fwd=stale",
        seconds_of(reply.fresh_for - age)
    );
    http::reply_head head;
    head.status = 200;
    head.content_type = reply.type;
    head.fields = &reply.fields;
    head.has_date = reply.fields.has("date");
    head.content_length = reply.body.size();
    head.lines = exchange.reply_lines;
    exchange.client.send_head(head);
    exchange.client.send(reply.body);
    exchange.client.finish();
    exchange.record.status = head.status;
}

} // namespace msd::gateway
