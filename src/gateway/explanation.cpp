// SPDX-License-Identifier: Apache-2.0
#include "gateway/explanation.hpp"

#include "base/json.hpp"
#include "base/masking.hpp"
#include "gateway/backend/balance_key.hpp"
#include "gateway/dry_stream.hpp"
#include "gateway/explained_policies.hpp"
#include "gateway/route_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace msd::gateway {

namespace {

constexpr std::size_t candidates_max = 500; // in one answer
constexpr std::size_t near_max = 5;
constexpr std::string_view usual_client = "127.0.0.1";

// A request as the question names it.
struct asked_request {
    std::string head; // of HTTP/1.1
    std::string client{usual_client};
};

std::string text_in(const json::object& from, std::string_view name) {
    const json::value* const value = from.find(name);
    return value == nullptr ? std::string{} : value->as_string().value_or("");
}

// The parser checks the parts; only line ends could make others of them.
bool has_line_end(std::string_view text) {
    return text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos;
}

result<asked_request> read_question(std::string_view question) {
    json::object fields;
    if (!fields.parse(question)) {
        return fail(errc::malformed, "the question is no JSON object");
    }
    std::vector<std::string> parts{text_in(fields, "method"), text_in(fields, "target")};
    const std::string host = text_in(fields, "host");
    parts.push_back("Host: " + (host.empty() ? "localhost" : host));
    if (const json::value* const list = fields.find("headers")) {
        for (const json::value& each :
             json::elements(list->text).value_or(std::vector<json::value>{})) {
            parts.push_back(each.as_string().value_or(""));
        }
    }
    if (std::ranges::any_of(parts, has_line_end)) {
        return fail(errc::invalid, "a line end is no part of a request");
    }
    asked_request made;
    made.head = fmt::format("{} {} HTTP/1.1\r\n", parts[0], parts[1]);
    for (std::size_t index = 2; index < parts.size(); ++index) {
        made.head.append(parts[index]).append("\r\n");
    }
    made.head += "\r\n";
    if (std::string client = text_in(fields, "client"); !client.empty()) {
        made.client = std::move(client);
    }
    return made;
}

std::string error_answer(int status, std::string_view why) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("error").string(why).key("status").integer(status).end_object();
    return text;
}

// ----------------------------------------------------------------------------------- the route

std::size_t common_beginning(std::string_view one, std::string_view other) {
    const auto [end, ignored] = std::ranges::mismatch(one, other);
    return static_cast<std::size_t>(end - one.begin());
}

// The paths of routes that begin most like this one.
std::vector<std::string> near_paths(const gateway_context& within, std::string_view path) {
    std::vector<std::string> all;
    for (const auto& each : within.services.routes().routes()) {
        all.push_back(each->pattern);
    }
    for (const core::compiled_route& each : within.table.configured()->all()) {
        all.push_back(each.settings.path);
    }
    for (const auto& each : within.table.programs().all()) {
        all.push_back(each->path);
    }
    std::erase_if(all, [path](const std::string& each) {
        return common_beginning(each, path) < 2; // only "/"
    });
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    std::ranges::stable_sort(all, [path](const std::string& one, const std::string& other) {
        return common_beginning(one, path) > common_beginning(other, path);
    });
    all.resize(std::min(all.size(), near_max));
    return all;
}

std::string without_route(const exchange_state& exchange, const refusal& why) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("error").string(why.detail).key("status").integer(why.status);
    if (!exchange.match.allow.empty()) {
        out.key("allow").string(exchange.match.allow);
    }
    out.key("near").begin_array();
    for (const std::string& each : near_paths(exchange.gateway, exchange.head().path)) {
        out.string(each);
    }
    out.end_array().end_object();
    return text;
}

std::string_view kind_of(std::string_view path) {
    if (path.find('{') != std::string_view::npos) {
        return "pattern";
    }
    return path.ends_with('/') ? "prefix" : "exact path";
}

void write_route(json::writer& out, const exchange_state& exchange) {
    const bool is_configured = exchange.route.what == route_match::outcome::configured;
    const bool has_packets = exchange.match.target != nullptr;
    std::string_view path;
    out.key("route").begin_object();
    if (is_configured) {
        const core::route_settings& settings = exchange.route.configured->settings;
        path = settings.path;
        out.key("name").string(settings.name);
        out.key("from").string("configuration").key("source").string(settings.source);
        out.key("hosts").begin_array();
        for (const std::string& host : settings.hosts) {
            out.string(host);
        }
        out.end_array();
    } else {
        // choose_route() has moved the packet route to `match`.
        path =
            has_packets ? std::string_view{exchange.match.target->pattern} : exchange.route.name();
        out.key("name").string(path).key("from").string("registry");
    }
    out.key("path").string(path).key("fits_as").string(kind_of(path));
    if (has_packets) {
        out.key("service_route")
            .string(exchange.match.target->method + " " + exchange.match.target->pattern);
    }
    std::string storage;
    const std::string target = origin_form(exchange.head());
    if (exchange.to == destination::program) {
        out.key("target").string(masked(exchange.route.target_for_service(target, storage)));
    }
    out.end_object();
}

// ------------------------------------------------------------------------------ the candidates

// The endpoints of the service, whatever reaches them.
struct candidate_list {
    const upstream::endpoint_group& group;
    std::span<const std::shared_ptr<upstream::upstream_node>> nodes; // of a packet service
    std::uint64_t hash = 0;
    time_point now{};
};

// Of packet services: whether there is a connection that takes requests.
std::string_view connection_of(const upstream::upstream_node& node) {
    if (node.is_connecting()) {
        return "connecting";
    }
    if (node.is_unreachable()) {
        return "none";
    }
    if (node.awaits_greeting()) {
        return "no hello yet";
    }
    return node.is_full() ? "full" : "open";
}

std::string_view state_of(const upstream::endpoint_group::facts& of) {
    using core::resilience::ejection_phase;
    if (of.is_refusing) {
        return "refuses connections";
    }
    if (of.phase == ejection_phase::ejected) {
        return "ejected";
    }
    if (of.is_out) {
        return "unhealthy";
    }
    if (of.is_full) {
        return "full";
    }
    if (!of.is_proven) {
        return "unproven";
    }
    return of.share < 1 ? "slow start" : "healthy";
}

std::optional<std::uint32_t> chosen_of(const candidate_list& list) {
    std::vector<std::uint32_t> unusable;
    for (std::uint32_t index = 0; index < list.nodes.size(); ++index) {
        if (const auto connection = connection_of(*list.nodes[index]); connection != "open") {
            unusable.push_back(index);
        }
    }
    upstream::endpoint_group::wish wish;
    wish.now = list.now;
    wish.hash = list.hash;
    wish.tried = unusable;
    const auto chosen = list.group.would_choose(wish);
    return chosen ? std::optional{chosen->index} : std::nullopt;
}

void write_candidate(
    json::writer& out,
    const candidate_list& list,
    std::uint32_t index,
    bool is_chosen
) {
    constexpr double percent = 100;
    constexpr double rounding = 1000;
    const auto& endpoint = list.group.at(index);
    const auto facts = list.group.look_at(index, list.now);
    out.begin_object().key("address").string(endpoint.address);
    out.key("weight").unsigned_integer(endpoint.weight);
    out.key("state").string(state_of(facts));
    if (facts.out_until != time_point{}) {
        out.key("left_ms").integer(deadline{facts.out_until}.left(list.now).count());
    }
    if (!list.nodes.empty()) {
        out.key("connection").string(connection_of(*list.nodes[index]));
    }
    out.key("takes_requests").boolean(facts.is_active);
    out.key("slow_start_percent").integer(std::lround(facts.share * percent));
    if (endpoint.zone != 0) {
        out.key("zone").string(facts.is_own_zone ? "own" : "other");
    }
    out.key("in_flight").integer(facts.in_flight);
    out.key("latency_us").integer(std::lround(facts.latency_us));
    out.key("score").real(std::round(facts.score * rounding) / rounding);
    out.key("chosen").boolean(is_chosen).end_object();
}

// Returns the address that the balancer would choose.
std::string write_candidates(json::writer& out, const candidate_list& list) {
    const auto chosen = chosen_of(list);
    const auto& balancing = list.group.balancing();
    out.key("balance").string(name_of(balancing.policy()));
    out.key("is_zone_first").boolean(balancing.endpoints().is_local());
    out.key("is_panic").boolean(balancing.endpoints().is_panic());
    out.key("candidates_total").unsigned_integer(list.group.size());
    out.key("candidates").begin_array();
    for (std::uint32_t index = 0; index < list.group.size(); ++index) {
        if (index < candidates_max || index == chosen) {
            write_candidate(out, list, index, index == chosen);
        }
    }
    out.end_array();
    return chosen ? list.group.at(*chosen).address : std::string{};
}

// ----------------------------------------------------------------------------------- the whole

void write_service(json::writer& out, const exchange_state& exchange, time_point now) {
    const bool has_packets = exchange.to == destination::packets;
    const std::string& service = has_packets ? exchange.match.target->service : exchange.service;
    out.key("service").string(service);
    out.key("protocol").string(has_packets ? "packets" : "http");
    explained_service of{exchange, service, now};
    std::string chosen;
    if (has_packets) {
        const auto view = exchange.gateway.services.look_at(service);
        if (view) {
            of.guard = &view->guard;
            of.endpoints = view->group.size();
            write_policies(out, of);
            chosen = write_candidates(out, {view->group, view->nodes, 0, now});
        }
    } else if (const auto cluster = exchange.gateway.programs.find(service)) {
        of.guard = cluster->guard().get();
        of.program = &cluster->settings();
        of.endpoints = cluster->group().balancing().endpoints().active().size();
        write_policies(out, of);
        const std::uint64_t hash = balance_key(
            cluster->settings().policies,
            {exchange.head(),
             exchange.client_address(),
             service,
             exchange.gateway.programs.sticky_secret()}
        );
        chosen = write_candidates(out, {cluster->group(), {}, hash, now});
    }
    out.key("chosen").string(chosen);
    out.key("outcome").string(outcome_of(of, chosen));
}

std::string explanation_of(exchange_state& exchange) {
    const time_point now = clock::now();
    const wire::http_request& head = exchange.head();
    exchange.method = method_label(head.method);
    exchange.identity = identify_client(
        head,
        exchange.client.peer().host,
        exchange.gateway.settings.trusted_proxies
    );
    choose_route(exchange);
    if (const auto why = refuse_without_route(exchange)) {
        return without_route(exchange, *why);
    }
    std::string text;
    json::writer out{text};
    out.begin_object().key("request").begin_object();
    out.key("method").string(head.method).key("target").string(masked(head.target));
    out.key("host").string(exchange.identity->host);
    out.key("client").string(exchange.client_address()).end_object();
    write_route(out, exchange);
    if (exchange.to == destination::canned) {
        const core::route_settings& settings = exchange.route.configured->settings;
        const int status = settings.redirect ? settings.redirect->status : settings.respond->status;
        write_policies(out, {exchange, {}, now});
        out.key("outcome").string(fmt::format(
            "{}: the route has the reply, {}",
            status,
            settings.redirect ? "a redirect" : "a fixed one"
        ));
    } else {
        write_service(out, exchange, now);
    }
    out.end_object();
    return text;
}

} // namespace

std::string explain(const gateway_context& within, std::string_view question) {
    constexpr int bad_request = 400;
    const auto asked = read_question(question);
    if (!asked) {
        return error_answer(bad_request, asked.error().text);
    }
    wire::http_request_parser parser{wire::http_request_parser::limits{}};
    const auto read = parser.feed(asked->head);
    if (read.what != wire::http_event::head || read.consumed != asked->head.size()) {
        const int status = parser.failure_status();
        return error_answer(
            status == 0 ? bad_request : status,
            fmt::format("this is no request that the gateway accepts: {}", parser.failure_text())
        );
    }
    // A copy, so that the random numbers of the worker stay.
    gateway_context own = within;
    dry_stream stream{parser.request(), asked->client};
    exchange_state exchange{own, stream};
    return explanation_of(exchange);
}

} // namespace msd::gateway
