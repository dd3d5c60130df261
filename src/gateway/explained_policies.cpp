// SPDX-License-Identifier: Apache-2.0
#include "gateway/explained_policies.hpp"

#include "base/masking.hpp"
#include "base/secret_names.hpp"
#include "core/fault_board.hpp"
#include "core/rate_quota.hpp"
#include "gateway/fallback.hpp"
#include "gateway/policy/rate_limit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace msd::gateway {

namespace {

using namespace core::resilience; // NOLINT(google-build-using-namespace): the policies' own words

constexpr std::int32_t no_bulkhead = 1'000'000; // packet services have none by default

std::string_view text_of(breaker_mode mode) {
    switch (mode) {
    case breaker_mode::off:
        return "off";
    case breaker_mode::observe:
        return "observe";
    case breaker_mode::enforce:
        break;
    }
    return "enforce";
}

std::string_view text_of(breaker_phase phase) {
    switch (phase) {
    case breaker_phase::open:
        return "open";
    case breaker_phase::half_open:
        return "half open";
    case breaker_phase::closed:
        break;
    }
    return "closed";
}

// The breaker and the latencies of the request's route.
upstream::service_guard::route_facts route_of(const explained_service& of) {
    if (of.guard == nullptr) {
        return {};
    }
    const exchange_state& exchange = of.exchange;
    return exchange.to == destination::packets
               ? of.guard->look_at(exchange.match.target->method, exchange.match.target->pattern)
               : of.guard->look_at({}, exchange.route.name());
}

breaker_phase phase_of(const breaker* of, time_point now) {
    return of == nullptr ? breaker_phase::closed : of->phase(now);
}

bool is_repeatable(const explained_service& of) {
    const std::string_view method = of.exchange.head().method;
    return of.guard->settings().repeats(method);
}

void write_times(json::writer& out, const explained_service& of, milliseconds p99) {
    const deadline until = of.exchange.whole_until();
    out.key("timeout_ms").begin_object();
    const bool has_end = until.at() != time_point::max();
    if (has_end) {
        const milliseconds all = std::chrono::round<milliseconds>(until.at() - clock::now());
        out.key("request").integer(all.count());
    }
    if (of.program != nullptr) {
        out.key("connect").integer(of.program->connect_timeout.count());
        out.key("first_byte").integer(of.program->first_byte_timeout.count());
        out.key("between_bytes").integer(of.program->between_bytes_timeout.count());
    }
    const bool is_read = of.exchange.head().method == "GET" || of.exchange.head().method == "HEAD";
    if (of.guard != nullptr && is_read && of.endpoints > 1 &&
        of.guard->settings().retry.tries > 0 && is_repeatable(of)) {
        const deadline whole = has_end || of.program == nullptr
                                   ? until
                                   : deadline{of.now + of.program->first_byte_timeout};
        const deadline of_try =
            try_deadline(of.guard->settings().times, whole, p99, try_kind::usual, of.now);
        out.key("try").integer(of_try.left(of.now).count());
    }
    out.end_object();
}

void write_retry(json::writer& out, const explained_service& of) {
    const retry_settings& settings = of.guard->settings().retry;
    out.key("retry").begin_object().key("tries").unsigned_integer(settings.tries);
    out.key("is_repeatable").boolean(is_repeatable(of));
    out.key("budget_percent").unsigned_integer(settings.budget.percent);
    out.key("budget_left")
        .unsigned_integer(of.guard->claim()->cell->retries.available(settings.budget, of.now));
    out.end_object();
}

void write_breaker(json::writer& out, const explained_service& of, const breaker* state) {
    const breaker_settings& settings = of.guard->settings().breaker;
    const breaker_phase phase = phase_of(state, of.now);
    out.key("breaker").begin_object().key("mode").string(text_of(settings.mode));
    out.key("state").string(text_of(phase));
    if (phase == breaker_phase::open) {
        out.key("left_ms").integer(deadline{state->open_until()}.left(of.now).count());
    }
    const auto [all, failed, slow] =
        state == nullptr ? window<3>::counts{} : state->counts.sums(of.now);
    out.key("requests").unsigned_integer(all).key("failed").unsigned_integer(failed);
    out.key("slow").unsigned_integer(slow);
    out.key("requests_min").unsigned_integer(settings.requests_min);
    out.key("failures_percent").unsigned_integer(settings.failures_percent);
    out.key("slow_percent").unsigned_integer(settings.slow_percent).end_object();
}

std::int64_t requests_max(const explained_service& of) {
    const bulkhead_settings& settings = of.guard->settings().bulkhead;
    const auto together = std::int64_t{settings.per_endpoint} *
                          static_cast<std::int64_t>(std::max<std::size_t>(of.endpoints, 1));
    return std::min<std::int64_t>(settings.requests, together);
}

// A limit that is out of reach is none.
void write_most(json::writer& out, std::string_view name, std::int64_t most) {
    out.key(name);
    if (most >= no_bulkhead) {
        out.null();
    } else {
        out.integer(most);
    }
}

void write_bulkhead(json::writer& out, const explained_service& of) {
    const bulkhead_settings& settings = of.guard->settings().bulkhead;
    const bulkhead_counts& counts = of.guard->claim()->cell->requests;
    out.key("bulkhead").begin_object().key("running").integer(requests_in(counts.running));
    write_most(out, "requests_max", requests_max(of));
    write_most(out, "per_endpoint_max", settings.per_endpoint);
    out.key("waiting").integer(requests_in(counts.waiting));
    out.key("queue_max").integer(settings.queue);
    out.key("queue_ms").integer(settings.queue_wait.count()).end_object();
}

// "client 127.0.0.1", "header x-api-key: ***", "all".
std::string key_text(const explained_service& of, const core::request_limit& limit) {
    using counting = core::request_limit::counting;
    if (limit.each == counting::all) {
        return "all requests";
    }
    const auto named = policy::named_value(of.exchange, limit);
    if (!named) {
        return fmt::format("client {}", core::quota_key(of.exchange.client_address()));
    }
    const std::string_view kind = limit.each == counting::claim ? "claim" : "header";
    const std::string_view value = is_secret_name(limit.name) ? secret_mask : *named;
    return fmt::format("{} {}: {}", kind, limit.name, value);
}

limit_decision look_at_limit(const explained_service& of, const policy::applied_limit& applied) {
    const gateway_context& gateway = of.exchange.gateway;
    return gateway.limits.look(applied.key, applied.limit->settings, of.now);
}

void write_limit(json::writer& out, const explained_service& of) {
    const policy::applied_limit applied = policy::limit_of(of.exchange);
    out.key("limit");
    if (applied.limit == nullptr) {
        out.null();
        return;
    }
    const limit_settings& settings = applied.limit->settings;
    const bool is_shared = of.exchange.gateway.shared_limits != nullptr;
    out.begin_object().key("of").string(applied.owner);
    out.key("rate").string(rate_text(settings.allowed));
    out.key("burst").unsigned_integer(settings.burst);
    out.key("key").string(key_text(of, *applied.limit));
    out.key("store").string(is_shared ? "redis" : "host");
    if (!is_shared) { // asking the store would take a request
        const limit_decision left = look_at_limit(of, applied);
        out.key("left").unsigned_integer(left.remaining);
        out.key("retry_after_ms").integer(left.retry_after.count());
    }
    out.end_object();
}

void write_fallback(json::writer& out, const exchange_state& exchange) {
    const core::route_settings* const route = fallback_route_of(exchange);
    out.key("fallback");
    if (route == nullptr ||
        (!route->fallback_reply && route->fallback_service.empty() && !route->fallback_stale)) {
        out.null();
        return;
    }
    out.begin_object();
    if (route->fallback_stale) {
        out.key("stale_max_ms").integer(route->fallback_stale_max.count());
    }
    if (route->fallback_reply) {
        out.key("status").integer(route->fallback_reply->status);
    } else if (!route->fallback_service.empty()) {
        out.key("service").string(route->fallback_service);
    }
    out.end_object();
}

void write_faults(json::writer& out, const explained_service& of) {
    out.key("faults").begin_array();
    for (const core::fault& each : of.exchange.gateway.faults.known(of.now)) {
        if (each.service == of.service && of.now < each.until) {
            out.string(core::fault_text(each));
        }
    }
    out.end_array();
}

} // namespace

void write_policies(json::writer& out, const explained_service& of) {
    const auto route = route_of(of);
    const auto p99 = std::chrono::ceil<milliseconds>(route.p99);
    if (of.guard != nullptr) {
        out.key("latency").begin_object();
        out.key("p50_us").integer(route.p50.count()).key("p99_us").integer(route.p99.count());
        out.end_object();
    }
    out.key("policies").begin_object();
    if (!of.service.empty()) {
        write_times(out, of, p99);
    }
    if (of.guard != nullptr) {
        write_retry(out, of);
        write_breaker(out, of, route.breaker);
        write_bulkhead(out, of);
        const ejection_settings& outlier = of.guard->settings().outlier;
        out.key("outlier").begin_object().key("consecutive").unsigned_integer(outlier.consecutive);
        out.key("eject_ms").integer(outlier.eject.count()).end_object();
    }
    write_limit(out, of);
    write_fallback(out, of.exchange);
    out.key("body_bytes_max").unsigned_integer(of.exchange.body_bytes_max());
    if (!of.service.empty()) {
        write_faults(out, of);
    }
    out.end_object();
}

std::string outcome_of(const explained_service& of, std::string_view chosen) {
    const policy::applied_limit applied = policy::limit_of(of.exchange);
    const bool is_counted_here = of.exchange.gateway.shared_limits == nullptr;
    if (applied.limit != nullptr && is_counted_here && !look_at_limit(of, applied).is_allowed) {
        return "429: the limit of requests is reached";
    }
    if (of.guard == nullptr) {
        return "502: no instance of the service is known";
    }
    const service_settings& settings = of.guard->settings();
    if (settings.breaker.mode == breaker_mode::enforce &&
        phase_of(route_of(of).breaker, of.now) == breaker_phase::open) {
        return "503: the breaker of the route is open";
    }
    if (requests_in(of.guard->claim()->cell->requests.running) >= requests_max(of)) {
        return "the request would wait for a place among those in flight, or get 503";
    }
    if (chosen.empty()) {
        return "502 or 503: no instance takes a request now";
    }
    return fmt::format("the request would be sent to {}", chosen);
}

} // namespace msd::gateway
