// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/rate_limit.hpp"

#include "base/log.hpp"
#include "core/rate_quota.hpp"
#include "wire/bearer_claim.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace msd::gateway::policy {

namespace {

using core::request_limit;
using core::resilience::limit_decision;

constexpr std::size_t gateways_max = 1000;
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

std::string_view name_of(const request_limit& limit) {
    switch (limit.each) {
    case request_limit::counting::client:
        return "client";
    case request_limit::counting::header:
        return "header";
    case request_limit::counting::claim:
        return "claim";
    case request_limit::counting::all:
        break;
    }
    return "all";
}

// Whose request it is. Without what a limit names, its client's: leaving it out must not be a way
// around the limit, nor a way to use up that of everybody else.
void append_owner(std::string& key, const exchange_state& exchange, const request_limit& limit) {
    if (const auto named = named_value(exchange, limit)) {
        key.append("\n").append(name_of(limit)).append(1, between).append(*named);
    } else if (limit.each != request_limit::counting::all) {
        key.append("\nclient").append(1, between);
        key.append(core::quota_key(exchange.client_address()));
    }
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

// As a label: the route that has the limit, or the gateway.
std::string_view owner_of(const exchange_state& exchange) {
    const bool has_own = exchange.route.what == route_match::outcome::configured &&
                         exchange.route.configured->settings.limit;
    return has_own ? std::string_view{exchange.route.configured->settings.name} : "gateway";
}

// Adds the fields to the reply; 429 when the request is not allowed.
std::optional<refusal>
judge(exchange_state& exchange, const request_limit& limit, const limit_decision& made) {
    exchange.gateway.counts.count_limited(
        owner_of(exchange),
        made.is_allowed ? meters::limited::allowed : meters::limited::refused
    );
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

// The limit of one of several gateways.
core::resilience::limit_settings
share_of(core::resilience::limit_settings whole, std::size_t gateways) {
    const auto shares = static_cast<std::uint32_t>(std::min<std::size_t>(gateways, gateways_max));
    whole.allowed.per *= std::int64_t{shares};
    whole.burst = (whole.burst + shares - 1) / shares; // without a burst, none would get its rate
    return whole;
}

} // namespace

std::optional<std::string> named_value(const exchange_state& exchange, const request_limit& limit) {
    const bool is_claim = limit.each == request_limit::counting::claim;
    if (!is_claim && limit.each != request_limit::counting::header) {
        return {};
    }
    const std::string_view* const field =
        exchange.head().header(is_claim ? std::string_view{"authorization"} : limit.name);
    if (field == nullptr) {
        return {};
    }
    return is_claim ? wire::bearer_claim(*field, limit.name) : std::optional<std::string>{*field};
}

applied_limit limit_of(const exchange_state& exchange) {
    const core::route_settings* const route =
        exchange.route.what == route_match::outcome::configured
            ? &exchange.route.configured->settings
            : nullptr;
    const bool has_own = route != nullptr && route->limit;
    const request_limit& limit = has_own ? *route->limit : exchange.gateway.settings.limit;
    applied_limit made;
    if (!limit.is_on()) {
        return made;
    }
    made.limit = &limit;
    made.owner = owner_of(exchange);
    if (has_own) {
        append_route(made.key, *route);
    }
    append_owner(made.key, exchange, limit);
    return made;
}

std::optional<refusal> check_rate_limit(exchange_state& exchange) {
    applied_limit applied = limit_of(exchange);
    if (applied.limit == nullptr) {
        return {};
    }
    const request_limit& limit = *applied.limit;
    if (exchange.gateway.shared_limits != nullptr) {
        exchange.pending = pending_limit{limit, std::move(applied.key)};
        return {};
    }
    const auto made = exchange.gateway.limits.take(applied.key, limit.settings, clock::now());
    return judge(exchange, limit, made);
}

asio::awaitable<std::optional<refusal>> ask_limit_store(exchange_state* exchange) {
    const request_limit& limit = exchange->pending->limit;
    const std::string& key = exchange->pending->key;
    const gateway_context& gateway = exchange->gateway;
    auto made = co_await gateway.shared_limits->take(key, limit.settings);
    if (!made) {
        log::debug("{}: the limits have no store: {}", exchange->request_id, made.error().text);
        gateway.counts.count_limited(owner_of(*exchange), meters::limited::store_failed);
        made = gateway.limits.take(key, share_of(limit.settings, gateway.gateways), clock::now());
    }
    co_return judge(*exchange, limit, *made);
}

} // namespace msd::gateway::policy
