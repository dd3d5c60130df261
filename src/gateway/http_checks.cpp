// SPDX-License-Identifier: Apache-2.0
#include "gateway/http_checks.hpp"

#include "base/uuid.hpp"
#include "wire/http_field.hpp"
#include "wire/http_line.hpp"
#include "wire/request_size.hpp"
#include "wire/trace_context.hpp"

#include <algorithm>

namespace msd::gateway {

namespace {

constexpr std::size_t envelope_bytes = 1024; // of a request packet besides its params and uri
constexpr std::size_t request_id_bytes_max = 128;

bool is_visible_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

struct single_header {
    const std::string_view* value = nullptr; // of the first header with the name; null without one
    bool is_repeated = false;
};

single_header find_single(const wire::http_request& request, std::string_view name) {
    const auto has_name = [name](const wire::http_header& header) {
        return wire::same_text(header.name, name);
    };
    const auto& headers = request.headers;
    const auto given = std::find_if(headers.begin(), headers.end(), has_name);
    if (given == headers.end()) {
        return {};
    }
    return {&given->value, std::any_of(given + 1, headers.end(), has_name)};
}

// The key of the Idempotency-Key header; empty without one. Nothing when it is malformed or given
// twice.
std::optional<std::string> idempotency_key_of(const wire::http_request& request) {
    const single_header given = find_single(request, "idempotency-key");
    if (given.value == nullptr) {
        return std::string{};
    }
    return given.is_repeated ? std::nullopt : wire::idempotency_key_of(*given.value);
}

// Empty without a valid traceparent header, and when it is given twice.
std::string traceparent_of(const wire::http_request& request) {
    const single_header given = find_single(request, "traceparent");
    const bool is_usable = given.value != nullptr && !given.is_repeated;
    return is_usable ? wire::traceparent_to_forward(*given.value) : std::string{};
}

std::string_view header_or_nothing(const wire::http_request& request, std::string_view name) {
    const std::string_view* const found = request.header(name);
    return found == nullptr ? std::string_view{} : *found;
}

} // namespace

std::string request_id_of(const wire::http_request& request) {
    const std::string_view* const given = request.header("x-request-id");
    const bool usable = given != nullptr && !given->empty() &&
                        given->size() <= request_id_bytes_max && is_visible_ascii(*given);
    return usable ? std::string{*given} : uuid_v7();
}

head_fields fields_of(const wire::http_request& head) {
    head_fields out;
    out.query = head.query;
    out.idem = idempotency_key_of(head);
    out.trace = traceparent_of(head);
    out.has_body = head.has_body();
    if (out.has_body) {
        out.kind = wire::body_kind_of(header_or_nothing(head, "content-type"));
    }
    return out;
}

refusal check_content(const wire::http_request& head) {
    const auto kind = wire::body_kind_of(header_or_nothing(head, "content-type"));
    if (head.has_body() && kind == wire::body_kind::unsupported) {
        return {
            415,
            "send application/json or application/x-www-form-urlencoded",
            "Accept: application/json, application/x-www-form-urlencoded\r\n",
            {},
            0};
    }
    if (head.has_body() && head.content_coded) {
        return {
            415,
            "send the body without Content-Encoding",
            "Accept-Encoding: identity\r\n",
            {},
            0};
    }
    if (head.content_range && head.method == "PUT") { // RFC 9110, 14.5
        return {400, "Content-Range: send the whole content, not a part of it", {}, {}, 0};
    }
    return {0, {}, {}, {}, 0};
}

bool fits_packet(std::string_view params, std::string_view uri, std::size_t request_bytes_max) {
    const std::size_t most = request_bytes_max + wire::request_envelope_bytes;
    const std::size_t rest = uri.size() + envelope_bytes;
    return params.size() + rest <= most || wire::counted_bytes(params) + rest <= most;
}

} // namespace msd::gateway
