// SPDX-License-Identifier: Apache-2.0
#include "gateway/exchange.hpp"

#include "base/uuid.hpp"
#include "core/service_share.hpp"
#include "gateway/backend/packet_backend.hpp"
#include "gateway/cache/reply_recorder.hpp"
#include "gateway/fallback.hpp"
#include "gateway/policies.hpp"
#include "gateway/policy/rate_limit.hpp"
#include "gateway/reply.hpp"
#include "gateway/route_choice.hpp"
#include "gateway/stale_reply.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace msd::gateway {

namespace {

// OPTIONS about the gateway itself, or about a path whose routes are all for other methods.
bool asks_options(const exchange_state& exchange) {
    const wire::http_request& head = exchange.head();
    return head.method == "OPTIONS" &&
           (head.path == "*" || (exchange.to == destination::nowhere &&
                                 exchange.match.what == core::route_table::outcome::wrong_method));
}

void send_canned(exchange_state& exchange) {
    const core::route_settings& route = exchange.route.configured->settings;
    if (route.redirect) {
        const wire::http_request& head = exchange.head();
        const std::string to =
            core::redirect_location(route.redirect->location, head.path, head.query);
        exchange.reply_lines.append("Location: ").append(to).append("\r\n");
        send_text(exchange, route.redirect->status, {}, {});
    } else {
        send_text(exchange, route.respond->status, route.respond->type, route.respond->body);
    }
}

void identify(exchange_state& exchange) {
    exchange.identity = identify_client(
        exchange.head(),
        exchange.client.peer().host,
        exchange.gateway.settings.trusted_proxies
    );
}

asio::awaitable<std::optional<refusal>> run_program(exchange_state* exchange) {
    const wire::http_request& head = exchange->head();
    if (!exchange->identity) {
        identify(*exchange);
    }
    const client_identity& who = *exchange->identity;
    std::string absolute;
    std::string_view target = head.target;
    if (!target.starts_with('/') && target != "*") {
        absolute = origin_form(head);
        target = absolute;
    }
    std::string resolved;
    const backend_request request{
        .client = exchange->client,
        .record = exchange->record,
        .service = exchange->service,
        .route = exchange->route.name(),
        .request_id = exchange->request_id,
        .trace = exchange->trace,
        .target = exchange->route.target_for_service(target, resolved),
        .stripped = exchange->route.stripped(),
        .client_address = who.address,
        .scheme = who.scheme,
        .host = who.host,
        .is_proxy_trusted = who.is_proxy_trusted,
        .body_bytes_max = exchange->body_bytes_max(),
        .until = exchange->reply_until(),
        .reply_lines = exchange->reply_lines,
    };
    auto why = co_await exchange->gateway.programs.run(&request);
    co_return why;
}

std::string_view service_of(const exchange_state& exchange) {
    return exchange.match.target != nullptr ? std::string_view{exchange.match.target->service}
                                            : std::string_view{exchange.service};
}

asio::awaitable<std::optional<refusal>> run_backend(exchange_state* exchange) {
    std::optional<refusal> why;
    exchange_record& record = exchange->record;
    const char* const earlier = std::exchange(record.timeout, nullptr); // before a fallback
    if (exchange->to == destination::packets) {
        why = co_await run_packet_backend(exchange);
    } else if (exchange->to == destination::program) {
        why = co_await run_program(exchange);
    }
    if (record.timeout == nullptr) {
        record.timeout = earlier;
    } else {
        auto& timeouts = exchange->gateway.timeouts;
        timeouts.note(service_of(*exchange), record.endpoint, record.timeout, clock::now());
    }
    co_return why;
}

// What a refusal of the backend says about the service, where the backend has not said it.
void note_failure(exchange_record& record, const refusal& why) {
    using enum exchange_flag;
    constexpr int bad_gateway = 502;
    constexpr int gateway_timeout = 504;
    record.has_failed = why.status == bad_gateway || why.status == gateway_timeout;
    if (!record.has_failed || !record.flags.empty()) {
        return;
    }
    if (why.status == gateway_timeout) {
        record.flags.set(upstream_timeout);
    } else if (record.attempts == 0) {
        record.flags.set(why.attempts == 0 ? no_instance : connect_failed);
    }
    if (record.attempts > 1) {
        record.flags.set(retries_used_up);
    }
}

// A refusal before the backend was reached.
void note_refusal(exchange_state& exchange, const refusal& why) {
    using enum exchange_flag;
    constexpr int not_found = 404;
    constexpr int wrong_method = 405;
    constexpr int bad_gateway = 502;
    constexpr int too_many = 429;
    exchange_flags& flags = exchange.record.flags;
    const bool is_nowhere = exchange.to == destination::nowhere;
    if (is_nowhere && (why.status == not_found || why.status == wrong_method)) {
        flags.set(no_route);
    } else if (is_nowhere && why.status == bad_gateway) {
        flags.set(no_instance);
        exchange.record.has_failed = true;
    } else if (why.status == too_many) {
        flags.set(rate_limited);
    }
}

// Metrics, and a line of the access log. `head` may be a default one when there was none.
void record(exchange_state& exchange, const wire::http_request& head) {
    const time_point ended = clock::now();
    const bool has_packets = exchange.match.target != nullptr;
    const bool is_configured = exchange.route.what == route_match::outcome::configured;
    const std::string_view name =
        has_packets && !is_configured ? exchange.match.target->pattern : exchange.route.name();
    const std::string_view service = service_of(exchange);
    exchange.gateway.counts.count({exchange.record, exchange.method, name, service, ended});
    if (!exchange.gateway.log.is_on()) {
        return;
    }
    exchange.gateway.log.write(
        {exchange.record,
         head,
         exchange.client_address(),
         exchange.request_id,
         name,
         service,
         exchange.client.bytes_in(),
         exchange.client.bytes_out(),
         ended}
    );
}

// Everything before the backend.
std::optional<refusal> admit(exchange_state& exchange) {
    std::optional<refusal> why = run_policies(stage::arrival, exchange);
    if (!exchange.gateway.settings.trusted_proxies.empty()) {
        identify(exchange);
    }
    if (!why) {
        choose_route(exchange);
        why = run_policies(stage::routed, exchange);
    }
    if (!why && asks_options(exchange)) {
        exchange.to = destination::nowhere;
        send_options(exchange, exchange.match.allow);
        return {};
    }
    if (!why) {
        why = refuse_without_route(exchange);
    }
    if (!why) {
        why = run_policies(stage::head, exchange);
    }
    return why;
}

} // namespace

std::size_t exchange_state::body_bytes_max() const {
    const gateway_settings& all = gateway.settings;
    const auto of_route = route.what == route_match::outcome::configured
                              ? route.configured->settings.body_bytes_max
                              : std::nullopt;
    const std::size_t most = of_route.value_or(all.body_bytes_max);
    return to == destination::packets ? std::min(most, all.bodies_bytes_max) : most;
}

deadline exchange_state::whole_until() const {
    const core::route_settings* const of_route = fallback_route_of(*this);
    const bool has_own = of_route != nullptr && of_route->timeout.count() > 0;
    if (!has_own && to == destination::program) {
        return deadline::never(); // the times of [upstream.NAME] apply: pages may be slow
    }
    return deadline::in(has_own ? of_route->timeout : gateway.settings.request_timeout);
}

deadline exchange_state::reply_until() {
    deadline until = whole_until();
    if (record.fallback != nullptr) {
        return until.sooner(first_until);
    }
    first_until = until;
    if (may_go_elsewhere(*this) && until.at() != time_point::max()) {
        until = deadline::in(until.left() / 2);
    }
    return until;
}

asio::awaitable<void> run_exchange(gateway_context* gateway, http::server_stream* client) {
    ++gateway->requests;
    // Not a part of this coroutine's frame: Asio keeps frames of up to 1020 bytes for later calls.
    const auto recorder = gateway->kept.is_wanted()
                              ? std::make_unique<reply_recorder>(*client, gateway->kept)
                              : nullptr;
    const auto allocated =
        std::make_unique<exchange_state>(*gateway, recorder ? *recorder : *client);
    exchange_state& exchange = *allocated;
    const meters::in_flight counted{gateway->counts};
    exchange.record.begun = clock::now();
    exchange.method = method_label(exchange.head().method);
    std::optional<refusal> why = admit(exchange);
    if (!why && exchange.pending) {
        why = co_await policy::ask_limit_store(&exchange);
    }
    if (why) {
        note_refusal(exchange, *why);
    }
    const bool is_admitted = !why;
    if (recorder) {
        exchange.recorder = recorder.get();
        exchange.kept_key = key_of_kept_reply(exchange);
        if (exchange.head().method == "GET") {
            recorder->record(exchange.kept_key);
        }
    }
    if (!why && exchange.to == destination::canned) {
        send_canned(exchange);
    } else if (!why) {
        why = co_await run_backend(&exchange);
    }
    if (recorder && why) {
        recorder->stop_recording();
    }
    const auto stale = why ? stale_reply_for(exchange, *why) : nullptr;
    if (why && !stale && turn_to_fallback_service(exchange, *why)) {
        why = co_await run_backend(&exchange);
    }
    if (!why && exchange.to == destination::program && exchange.record.status == 0) {
        // Nobody is left to send a refusal to.
        exchange.record.flags.set(exchange_flag::client_disconnected);
    } else if (why && is_admitted) {
        note_failure(exchange.record, *why);
    }
    if (stale) {
        send_stale_reply(exchange, *stale);
    } else if (why && has_fallback_reply(exchange, *why)) {
        send_fallback_reply(exchange);
    } else if (why) {
        send_refusal(exchange, *why);
    }
    record(exchange, client->request());
}

void refuse_malformed(
    gateway_context& gateway,
    http::server_stream& client,
    int status,
    std::string_view text
) {
    exchange_state exchange{gateway, client};
    exchange.record.begun = clock::now();
    exchange.method = method_label({});
    exchange.request_id = uuid_v7();
    exchange.reply_lines = "X-Request-Id: " + exchange.request_id + "\r\n";
    const std::string_view extra = status == 503 ? retry_after_one_second : std::string_view{};
    send_refusal(exchange, {status, std::string{text}, std::string{extra}, {}, 0});
    record(exchange, {});
}

} // namespace msd::gateway
