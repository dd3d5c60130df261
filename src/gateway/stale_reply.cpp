// SPDX-License-Identifier: Apache-2.0
#include "gateway/stale_reply.hpp"

#include "base/masking.hpp"
#include "base/secret_names.hpp"
#include "gateway/fallback.hpp"
#include "gateway/policy/rate_limit.hpp"
#include "gateway/route_choice.hpp"
#include "wire/http_line.hpp"

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

// Whether the reply may be for this client only, or must not be stored (RFC 9111, 3.5 and 5.2.1.5).
// A field whose name is that of a secret tells who the client is, and so may the one by which its
// requests are counted.
bool is_for_one(const exchange_state& exchange) {
    const wire::http_request& head = exchange.head();
    const auto limit = policy::limit_of(exchange).limit;
    const bool is_counted_by_field =
        limit != nullptr && limit->each == core::request_limit::counting::header;
    return std::ranges::any_of(head.headers, [&](const wire::http_header& field) {
        if (wire::same_text(field.name, "cache-control")) {
            return wire::list_has(field.value, "no-store");
        }
        return wire::same_text(field.name, "cookie") || is_secret_name(field.name) ||
               (is_counted_by_field && wire::same_text(field.name, limit->name));
    });
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
    if (!is_read || is_personal || head.has_body() || !head.upgrade.empty() ||
        is_for_one(exchange)) {
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
        "{}\n{}\n{}\n{}\n{}",
        exchange.route.name(),
        packets != nullptr ? packets->service : exchange.service,
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
