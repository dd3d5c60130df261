// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/cross_origin.hpp"

#include "gateway/route_choice.hpp"
#include "wire/http_line.hpp"
#include "wire/http_origin.hpp"
#include "wire/http_params.hpp"

#include <string_view>

namespace msd::gateway::policy {

namespace {

using answer = core::allowed_origins::answer;

constexpr std::string_view vary = "Vary: Origin\r\n";
// What the gateway reads besides the headers that pages may always send.
constexpr std::string_view request_headers =
    "Access-Control-Allow-Headers: Content-Type, Idempotency-Key, Traceparent, X-Request-Id\r\n";
constexpr std::string_view reply_headers =
    "Access-Control-Expose-Headers: Idempotency-Key-Status, RateLimit, RateLimit-Policy, "
    "Retry-After, X-Request-Id\r\n";
constexpr std::string_view max_age = "Access-Control-Max-Age: 600\r\n";
constexpr const char* refused =
    "a web page of another origin may not write here: send application/json from a program, or "
    "name the origin of the page in gateway.cors";

bool only_reads(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

// Sec-Fetch-Site is the browser's own statement, and right even when a proxy has changed Host. Not
// all browsers send it, and none to a plain http server other than localhost.
bool is_from_other_origin(const wire::http_request& head) {
    if (const std::string_view* const site = head.header("sec-fetch-site")) {
        return !wire::same_text(*site, "same-origin") && !wire::same_text(*site, "none");
    }
    const std::string_view* const origin = head.header("origin");
    const std::string_view* const host = head.header("host");
    return origin != nullptr && (host == nullptr || !wire::is_from_host(*origin, *host));
}

// A body of any other type makes the browser ask first.
bool can_be_form(const wire::http_request& head) {
    const std::string_view* const type = head.header("content-type");
    return type == nullptr || wire::body_kind_of(*type) != wire::body_kind::json;
}

answer find(
    const wire::http_request& head,
    const core::route_table::match& found,
    const core::allowed_origins& allowed
) {
    const std::string_view* const origin = head.header("origin");
    const std::string_view page = origin == nullptr ? std::string_view{} : *origin;
    return found.target == nullptr
               ? allowed.find(page, {}, {})
               : allowed.find(page, found.target->method, found.target->pattern);
}

void append_origin(std::string& out, const wire::http_request& head, answer allows) {
    out += "Access-Control-Allow-Origin: ";
    out += allows == answer::any ? std::string_view{"*"} : *head.header("origin");
    out += "\r\n";
}

// Those that let the page send the request that its browser asks about in its OPTIONS.
void append_preflight(std::string& out, const exchange_state& exchange, std::string_view method) {
    const wire::http_request& head = exchange.head();
    const auto asked = packet_route(exchange, method);
    const answer allows = find(head, asked, exchange.gateway.settings.cors);
    if (asked.target != nullptr && allows != answer::no) {
        append_origin(out, head, allows);
        out.append("Access-Control-Allow-Methods: ").append(method).append("\r\n");
        out.append(request_headers).append(max_age);
    }
}

} // namespace

std::optional<refusal> add_origin_lines(exchange_state& exchange) {
    const core::allowed_origins& allowed = exchange.gateway.settings.cors;
    const wire::http_request& head = exchange.head();
    std::string& out = exchange.reply_lines;
    if (allowed.distinguishes()) {
        out += vary;
    }
    if (allowed.empty() || head.header("origin") == nullptr) {
        return {};
    }
    const std::string_view* const wanted = head.method == "OPTIONS" && !exchange.match.target
                                               ? head.header("access-control-request-method")
                                               : nullptr;
    if (wanted != nullptr) {
        append_preflight(out, exchange, *wanted);
    } else if (const answer allows = find(head, exchange.match, allowed); allows != answer::no) {
        append_origin(out, head, allows);
        out += reply_headers;
    }
    return {};
}

std::optional<refusal> check_origin(exchange_state& exchange) {
    const wire::http_request& head = exchange.head();
    if (!only_reads(head.method) && can_be_form(head) && is_from_other_origin(head) &&
        find(head, exchange.match, exchange.gateway.settings.cors) == answer::no) {
        return refusal{403, refused, {}, {}, 0};
    }
    return {};
}

} // namespace msd::gateway::policy
