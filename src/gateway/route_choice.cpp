// SPDX-License-Identifier: Apache-2.0
#include "gateway/route_choice.hpp"

#include "core/service_share.hpp"
#include "gateway/backend/forwarded_request.hpp"
#include "gateway/reply.hpp"
#include "wire/http_line.hpp"

#include <utility>

namespace msd::gateway {

namespace {

// Of a route to a web program for every method.
constexpr std::string_view allow_of_programs =
    "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";

using outcome = route_match::outcome;
using packet_outcome = core::route_table::outcome;

constexpr const char* no_list =
    "the gateway has not received the list of services from the registry yet";

routed_request as_routed(const exchange_state& exchange, std::string_view method) {
    const wire::http_request& head = exchange.head();
    return {method, requested_host(head), head.path};
}

// The Cookie fields of a request as one; a view of the only one, or of `storage`.
std::string_view cookies_of(const wire::http_request& head, std::string& storage) {
    std::string_view all;
    for (const wire::http_header& field : head.headers) {
        if (!wire::same_text(field.name, "cookie")) {
            continue;
        }
        if (all.empty()) {
            all = field.value;
            continue;
        }
        if (storage.empty()) {
            storage = all;
        }
        storage.append("; ").append(field.value);
        all = storage;
    }
    return all;
}

// The service of a configured route. The reply to a client of a split that has no share yet sets
// the cookie with it.
std::string choose_service(exchange_state& exchange) {
    const core::compiled_route& route = *exchange.route.configured;
    if (route.settings.split.empty()) {
        return route.settings.service;
    }
    std::string storage;
    core::share_input from;
    from.client = exchange.client_address();
    from.cookies = cookies_of(exchange.head(), storage);
    from.random = exchange.gateway.random();
    const core::share chosen = core::pick_service(route, from);
    if (!chosen.set_cookie.empty()) {
        exchange.reply_lines.append("Set-Cookie: ").append(chosen.set_cookie).append("\r\n");
    }
    return std::string{chosen.service};
}

// A configured route to a packet service: the service has routes of its own.
void set_packets(exchange_state& exchange, core::route_table::match&& found) {
    exchange.match = std::move(found);
    exchange.to =
        exchange.match.what == packet_outcome::found ? destination::packets : destination::nowhere;
}

void take_configured(exchange_state& exchange) {
    const core::route_settings& settings = exchange.route.configured->settings;
    if (settings.redirect || settings.respond) {
        exchange.to = destination::canned;
        return;
    }
    take_service(exchange, choose_service(exchange));
}

// A browser asks whether a page may send a request that a packet service gets: the gateway answers,
// also when a less precise route takes OPTIONS. A web program would allow what it does not know.
void keep_questions_about_packets(exchange_state& exchange) {
    const wire::http_request& head = exchange.head();
    const std::string_view* const wanted =
        head.method == "OPTIONS" ? head.header("access-control-request-method") : nullptr;
    if (wanted == nullptr || packet_route(exchange, *wanted).target == nullptr) {
        return;
    }
    exchange.route = {};
    exchange.service.clear();
    exchange.match.what = packet_outcome::wrong_method;
    exchange.match.allow = *wanted;
    exchange.to = destination::nowhere;
}

} // namespace

void choose_route(exchange_state& exchange) {
    const wire::http_request& head = exchange.head();
    exchange.route = exchange.gateway.table.find(as_routed(exchange, head.method));
    switch (exchange.route.what) {
    case outcome::configured:
        take_configured(exchange);
        break;
    case outcome::program:
        exchange.to = destination::program;
        exchange.service = exchange.route.program->service;
        break;
    case outcome::packets:
        set_packets(exchange, std::move(exchange.route.packets));
        break;
    case outcome::wrong_method:
        exchange.match.what = packet_outcome::wrong_method;
        exchange.match.allow = exchange.route.allow;
        break;
    case outcome::unknown:
    case outcome::malformed:
        break;
    }
    if (exchange.to == destination::program || exchange.to == destination::canned) {
        keep_questions_about_packets(exchange);
    }
}

void take_service(exchange_state& exchange, std::string service) {
    if (exchange.gateway.programs.serves(service)) {
        exchange.to = destination::program;
        exchange.match = {};
        exchange.service = std::move(service);
        return;
    }
    exchange.service.clear();
    const wire::http_request& head = exchange.head();
    const std::string_view path = exchange.route.path_for_service(head.path);
    set_packets(exchange, exchange.gateway.table.find_of(service, head.method, path));
    const bool is_absent =
        exchange.match.what == packet_outcome::unknown && !exchange.gateway.services.knows(service);
    if (is_absent) {
        exchange.service = std::move(service); // see refuse_without_route()
    }
}

std::optional<refusal> refuse_without_route(const exchange_state& exchange) {
    const wire::http_request& head = exchange.head();
    if (exchange.to == destination::program && head.method == "TRACE") { // RFC 9110, 9.3.8
        return refusal{405, "TRACE is not passed on", std::string{allow_of_programs}, {}, 0};
    }
    if (exchange.to != destination::nowhere) {
        return {};
    }
    if (exchange.route.what == outcome::malformed) {
        return refusal{400, exchange.route.problem, {}, {}, 0};
    }
    if (!head.is_known_method) {
        return refusal{501, "unknown method", {}, {}, 0};
    }
    if (exchange.match.what == packet_outcome::wrong_method) {
        const std::string allow = "Allow: " + exchange.match.allow + "\r\n";
        return refusal{405, "the path does not support this method", allow, {}, 0};
    }
    if (!exchange.gateway.has_list) {
        return refusal{503, no_list, std::string{retry_after_one_second}, {}, 0};
    }
    if (!exchange.service.empty()) {
        return refusal{502, "no instance of the service is known", {}, exchange.service, 0};
    }
    return refusal{404, "no service offers this path", {}, {}, 0};
}

core::route_table::match packet_route(const exchange_state& exchange, std::string_view method) {
    route_match found = exchange.gateway.table.find(as_routed(exchange, method));
    if (found.what != outcome::configured) {
        return found.what == outcome::packets ? std::move(found.packets)
                                              : core::route_table::match{};
    }
    const core::route_settings& settings = found.configured->settings;
    const std::string_view path = found.path_for_service(exchange.head().path);
    core::route_table::match of_service;
    const auto look_at = [&](const std::string& service) {
        if (!service.empty() && !exchange.gateway.programs.serves(service)) {
            of_service = exchange.gateway.table.find_of(service, method, path);
        }
    };
    look_at(settings.service);
    // The services of a split have the same routes.
    for (const auto& [service, weight] : settings.split) {
        if (weight > 0 && of_service.target == nullptr) {
            look_at(service);
        }
    }
    return of_service;
}

std::string origin_form(const wire::http_request& head) {
    std::string out = head.path.empty() ? "/" : std::string{head.path};
    if (!head.query.empty()) {
        out.append("?").append(head.query);
    }
    return out;
}

} // namespace msd::gateway
