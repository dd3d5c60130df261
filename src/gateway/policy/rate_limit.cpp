// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/rate_limit.hpp"

#include "core/rate_quota.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <string_view>

namespace msd::gateway::policy {

namespace {

using core::request_limit;
using core::resilience::limit_decision;

constexpr char between = '\0'; // no part of a key contains it

// The settings of the route that name it; equal in all workers, and after a reload.
void append_route(std::string& key, const core::route_settings& route) {
    key.append(route.name).append(1, between).append(route.path);
    for (const std::string& host : route.hosts) {
        key.append(1, between).append(host);
    }
    for (const std::string& method : route.methods) {
        key.append(1, between).append(method);
    }
}

// Whose request it is. Without the field that a limit names, its client's: leaving the field out
// must not be a way around the limit, nor a way to use up that of everybody else.
void append_owner(std::string& key, const exchange_state& exchange, const request_limit& limit) {
    const std::string_view* const field = limit.each == request_limit::counting::header
                                              ? exchange.head().header(limit.header)
                                              : nullptr;
    if (field != nullptr) {
        key.append("\nheader").append(1, between).append(*field);
    } else if (limit.each != request_limit::counting::all) {
        key.append("\nclient").append(1, between);
        key.append(core::quota_key(exchange.client_address()));
    }
}

std::string_view name_of(const request_limit& limit) {
    switch (limit.each) {
    case request_limit::counting::client:
        return "client";
    case request_limit::counting::header:
        return "header";
    case request_limit::counting::all:
        break;
    }
    return "all";
}

std::int64_t whole_seconds(milliseconds time) {
    return std::chrono::ceil<std::chrono::seconds>(time).count();
}

void append_fields(std::string& lines, std::string_view name, const limit_decision& made) {
    fmt::format_to(
        std::back_inserter(lines),
        "RateLimit-Policy: \"{}\";q={};w={}\r\nRateLimit: \"{}\";r={};t={}\r\n",
        name,
        made.quota,
        made.window.count(),
        name,
        made.remaining,
        whole_seconds(made.reset_after)
    );
}

} // namespace

std::optional<refusal> check_rate_limit(exchange_state& exchange) {
    const core::route_settings* const route =
        exchange.route.what == route_match::outcome::configured
            ? &exchange.route.configured->settings
            : nullptr;
    const bool has_own = route != nullptr && route->limit;
    const request_limit& limit = has_own ? *route->limit : exchange.gateway.settings.limit;
    if (!limit.is_on()) {
        return {};
    }
    std::string key;
    if (has_own) {
        append_route(key, *route);
    }
    append_owner(key, exchange, limit);
    const limit_decision made = exchange.gateway.limits.take(key, limit.settings, clock::now());
    append_fields(exchange.reply_lines, name_of(limit), made);
    if (made.is_allowed) {
        return {};
    }
    refusal why;
    why.status = 429;
    why.detail = fmt::format(
        "too many requests: {} are accepted{}",
        core::resilience::rate_text(limit.settings.allowed),
        limit.each == request_limit::counting::client ? " from one client" : ""
    );
    why.extra = fmt::format(
        "Retry-After: {}\r\n",
        std::max<std::int64_t>(whole_seconds(made.retry_after), 1)
    );
    return why;
}

} // namespace msd::gateway::policy
