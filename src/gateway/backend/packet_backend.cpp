// SPDX-License-Identifier: Apache-2.0
#include "gateway/backend/packet_backend.hpp"

#include "base/log.hpp"
#include "gateway/backend/packet_reply.hpp"
#include "gateway/fallback.hpp"
#include "gateway/policies.hpp"
#include "gateway/reply.hpp"
#include "wire/packet_headers.hpp"

#include <utility>

namespace msd::gateway {

namespace {

constexpr std::string_view json_type = "application/json";
// Sent in replies to requests whose Idempotency-Key was not stored: repeating them is not safe.
constexpr std::string_view key_not_kept = "Idempotency-Key-Status: not-supported\r\n";
constexpr const char* too_many_bodies =
    "the gateway is reading too many request bodies now: try again";
constexpr const char* no_instance = "no instance of the service can take the request now";
constexpr std::string_view accepted_body = R"({"errorcode":0,"errormessage":"accepted"})";

refusal busy(const char* why, const std::string& service = {}) {
    return {503, why, std::string{retry_after_one_second}, service, 0};
}

// Nothing when the client closed the connection before the body was complete.
std::optional<refusal> refuse_body(exchange_state& exchange, const error& why) {
    switch (why.code) {
    case errc::closed:
        exchange.record.cut = "the client closed the connection";
        exchange.record.flags.set(exchange_flag::client_disconnected);
        exchange.client.reset();
        return {};
    case errc::refused:
        return busy(too_many_bodies);
    case errc::too_large:
        return refusal{413, why.text, {}, {}, 0};
    case errc::timeout:
        return refusal{408, why.text, {}, {}, 0};
    default:
        return refusal{400, why.text, {}, {}, 0};
    }
}

// Makes the params of the packet; `memory` is for the body, and then for them.
std::optional<refusal>
prepare(exchange_state& exchange, const std::string& body, net::byte_budget::share& memory) {
    exchange.body_bytes = body.size();
    if (auto why = run_policies(stage::body, exchange)) {
        return why;
    }
    const wire::http_request& head = exchange.head();
    const auto kind = head.has_body() ? exchange.kind : wire::body_kind::none;
    auto params = wire::params_of({exchange.match.variables, head.query, body, kind});
    if (!params) {
        return refusal{400, params.error().text, {}, {}, 0};
    }
    exchange.params = std::move(*params);
    exchange.is_head = head.method == "HEAD";
    if (const auto& wanted = exchange.match.target->wants; !wanted.empty()) {
        wire::append_wanted_headers(exchange.headers, head.headers, wanted);
    }
    if (auto why = run_policies(stage::content, exchange)) {
        return why;
    }
    if (head.has_body() && !memory.resize(exchange.params.size())) {
        return busy(too_many_bodies);
    }
    return {};
}

upstream::outgoing packet_of(exchange_state& exchange) {
    const core::service_route& route = *exchange.match.target;
    upstream::outgoing packet;
    packet.method = route.method;
    packet.uri = route.pattern;
    packet.params = exchange.params;
    packet.idem = exchange.idem;
    packet.trace = exchange.trace;
    packet.id = exchange.request_id;
    if (route.wants_client) {
        packet.client = exchange.client_address();
    }
    packet.until = exchange.reply_until();
    packet.headers = exchange.headers;
    return packet;
}

std::optional<refusal> post(exchange_state& exchange) {
    const std::string& service = exchange.match.target->service;
    if (!exchange.idem.empty()) {
        exchange.reply_lines += key_not_kept; // the service sends no reply, so none is stored
    }
    if (!exchange.gateway.services.post(service, packet_of(exchange))) {
        exchange.record.flags.set(exchange_flag::no_instance);
        exchange.record.has_failed = true;
        return busy(no_instance, service);
    }
    exchange.record.attempts = 1;
    send_text(exchange, 202, json_type, accepted_body);
    return {};
}

refusal why_failed(exchange_state& exchange, const upstream::upstreams::attempt& made) {
    using enum exchange_flag;
    const std::string& service = exchange.match.target->service;
    exchange_flags& flags = exchange.record.flags;
    exchange.record.has_failed = true;
    log::debug("{} {}: {}", exchange.request_id, service, made.outcome.error().text);
    refusal why;
    why.service = service;
    why.attempts = made.tries;
    switch (made.outcome.error().code) {
    case errc::timeout:
        flags.set(upstream_timeout);
        exchange.record.timeout = made.tries == 0 ? "connect" : "whole";
        why.status = 504;
        why.detail = "the service did not answer in time";
        break;
    case errc::refused:
        flags.set(overflow);
        exchange.record.timeout = made.was_queued ? "queue" : nullptr;
        why.status = 503;
        if (made.retry_after > milliseconds{0}) {
            why.detail = made.outcome.error().text;
            why.extra = retry_after_line(made.retry_after);
        } else {
            why.detail = "all instances of the service are busy";
            why.extra = retry_after_one_second;
        }
        break;
    case errc::unavailable:
        flags.set(made.tries == 0 ? no_instance : connect_failed);
        if (exchange.gateway.services.have_all_deregistered(service)) {
            why.status = 503;
            why.detail = "the service has been stopped";
            why.extra = "Retry-After: 5\r\n";
        } else {
            why.status = 502;
            why.detail = "no instance of the service can be reached";
        }
        break;
    case errc::cancelled:
        flags.set(client_disconnected); // what follows reaches nobody
        [[fallthrough]];
    default:
        why.status = 502;
        why.detail = "the connection to the service ended before the reply";
        break;
    }
    return why;
}

asio::awaitable<std::optional<refusal>> call(exchange_state* exchange) {
    const std::string& service = exchange->match.target->service;
    auto& services = exchange->gateway.services;
    upstream::call_handle handle;
    upstream::outgoing packet = packet_of(*exchange);
    packet.handle = &handle;
    exchange->client.on_abort([&handle] {
        if (handle.cancel) {
            handle.cancel();
        }
    });
    const auto made = co_await services.call(service, packet);
    exchange->client.on_abort({});
    exchange->record.attempts = made.tries;
    exchange->record.endpoint = made.endpoint;
    exchange->record.first_byte = clock::now();
    if (!packet.idem.empty() && !made.msd && !services.is_msd_only(service)) {
        exchange->reply_lines += key_not_kept;
    }
    if (!made.outcome) {
        co_return why_failed(*exchange, made);
    }
    if (made.outcome->stream) {
        co_await send_packet_stream(exchange, &made);
    } else {
        send_packet_reply(*exchange, made);
    }
    co_return std::nullopt;
}

} // namespace

asio::awaitable<std::optional<refusal>> run_packet_backend(exchange_state* exchange) {
    http::server_stream& client = exchange->client;
    net::byte_budget::share memory{exchange->gateway.body_memory};
    std::optional<refusal> why;
    if (client.request().has_body()) {
        const auto body = co_await client.read_all(exchange->body_bytes_max(), &memory);
        why = body ? prepare(*exchange, *body, memory) : refuse_body(*exchange, body.error());
        if (!body && !why) {
            co_return why;
        }
    } else {
        why = prepare(*exchange, {}, memory);
    } // The params hold all of the body.
    if (why) {
        co_return why;
    }
    if (!exchange->gateway.log.is_on() && !needs_head_later(*exchange)) {
        client.release_request(); // nothing needs the head any more
    }
    if (exchange->match.target->one_way) {
        co_return post(*exchange);
    }
    why = co_await call(exchange);
    co_return why;
}

} // namespace msd::gateway
