// SPDX-License-Identifier: Apache-2.0
#include "gateway/reply.hpp"

#include "wire/http_response.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace msd::gateway {

std::string retry_after_line(milliseconds after) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(after).count();
    return "Retry-After: " + std::to_string(std::max<std::int64_t>(1, seconds)) + "\r\n";
}

namespace {

constexpr std::string_view problem_type = "application/problem+json";

void send_complete(exchange_state& exchange, const http::reply_head& head, std::string_view body) {
    exchange.client.send_head(head);
    exchange.client.send(body);
    exchange.client.finish();
    exchange.record.status = head.status;
}

} // namespace

void send_refusal(exchange_state& exchange, const refusal& why) {
    wire::problem what;
    what.status = why.status;
    what.detail = why.detail;
    what.request_id = exchange.request_id;
    what.service = why.service;
    what.attempts = why.attempts;
    const std::string body = wire::problem_body(what);
    exchange.reply_lines += why.extra;
    send_text(exchange, why.status, problem_type, body);
}

void send_text(exchange_state& exchange, int status, std::string_view type, std::string_view body) {
    http::reply_head head;
    head.status = status;
    head.content_type = type;
    if (status != 304) { // RFC 9110, 8.6: it would be the length of the body of a 200
        head.content_length = body.size();
    }
    head.lines = exchange.reply_lines;
    send_complete(exchange, head, body);
}

void send_options(exchange_state& exchange, std::string_view allow) {
    if (!allow.empty()) {
        exchange.reply_lines.append("Allow: ").append(allow).append("\r\n");
    }
    http::reply_head head;
    head.status = 204;
    head.lines = exchange.reply_lines;
    send_complete(exchange, head, {});
}

} // namespace msd::gateway
