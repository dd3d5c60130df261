// SPDX-License-Identifier: Apache-2.0
#include "wire/bearer_claim.hpp"

#include "base/base64.hpp"
#include "base/json.hpp"
#include "wire/http_line.hpp"

namespace msd::wire {

namespace {

constexpr std::string_view scheme = "Bearer ";
// Tokens have a few claims, and some of them are small objects.
constexpr json::limits token_bounds{.levels = 8, .members = 256, .values = 1024};

// The second of three parts; empty when there are not three.
std::string_view payload_of(std::string_view token) {
    const std::size_t first = token.find('.');
    const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
        return {};
    }
    return token.substr(first + 1, second - first - 1);
}

} // namespace

std::optional<std::string> bearer_claim(std::string_view authorization, std::string_view name) {
    if (!same_text(authorization.substr(0, scheme.size()), scheme)) {
        return std::nullopt;
    }
    const std::string_view payload = payload_of(trim(authorization.substr(scheme.size())));
    if (payload.empty() || payload.size() > token_payload_bytes_max) {
        return std::nullopt;
    }
    const auto text = bytes_of_base64url(payload);
    json::object claims;
    if (!text || !claims.parse(*text, token_bounds)) {
        return std::nullopt;
    }
    const json::value* const found = claims.find(name);
    if (found == nullptr) {
        return std::nullopt;
    }
    switch (found->type) {
    case json::kind::string:
        return found->as_string();
    case json::kind::number:
    case json::kind::boolean:
        return std::string{found->text};
    default:
        return std::nullopt;
    }
}

} // namespace msd::wire
