// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/media_type.hpp"

#include "wire/http_params.hpp"

namespace msd::gateway::policy {

std::optional<refusal> check_media_type(exchange_state& exchange) {
    const wire::http_request& head = exchange.head();
    const std::string_view* const type = head.header("content-type");
    exchange.kind = wire::body_kind_of(type == nullptr ? std::string_view{} : *type);
    if (head.has_body() && exchange.kind == wire::body_kind::unsupported) {
        return refusal{
            415,
            "send application/json or application/x-www-form-urlencoded",
            "Accept: application/json, application/x-www-form-urlencoded\r\n",
            {},
            0};
    }
    if (head.has_body() && head.content_coded) {
        return refusal{
            415,
            "send the body without Content-Encoding",
            "Accept-Encoding: identity\r\n",
            {},
            0};
    }
    if (head.content_range && head.method == "PUT") { // RFC 9110, 14.5
        return refusal{400, "Content-Range: send the whole content, not a part of it", {}, {}, 0};
    }
    return {};
}

} // namespace msd::gateway::policy
