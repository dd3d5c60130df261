// SPDX-License-Identifier: Apache-2.0
#include "wire/http_origin.hpp"

#include "wire/http_char.hpp"
#include "wire/http_host.hpp"
#include "wire/http_line.hpp"

#include <algorithm>

namespace msd::wire {

namespace {

constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;

bool is_scheme(std::string_view text) {
    return !text.empty() && !is_digit(text.front()) && std::ranges::all_of(text, [](char c) {
        return is_alphanumeric(c) || c == '+' || c == '-' || c == '.';
    });
}

std::uint16_t default_port(std::string_view scheme) {
    if (same_text(scheme, "http")) {
        return http_port;
    }
    return same_text(scheme, "https") ? https_port : 0;
}

} // namespace

std::optional<http_origin> read_origin(std::string_view text) {
    constexpr std::string_view between = "://";
    const std::size_t end = text.find(between);
    if (text.size() > origin_bytes_max || end == std::string_view::npos) {
        return std::nullopt;
    }
    http_origin out;
    out.scheme = text.substr(0, end);
    out.host = text.substr(end + between.size());
    out.default_port = default_port(out.scheme);
    if (!is_scheme(out.scheme) || !is_host(out.host)) {
        return std::nullopt;
    }
    return out;
}

bool is_same_origin(std::string_view one, std::string_view other) {
    const auto a = read_origin(one);
    const auto b = read_origin(other);
    return a && b && same_text(a->scheme, b->scheme) &&
           is_same_host(a->host, b->host, a->default_port);
}

bool is_from_host(std::string_view origin, std::string_view host) {
    const auto page = read_origin(origin);
    return page && page->default_port != 0 && is_host(host) &&
           is_same_host(page->host, host, page->default_port);
}

} // namespace msd::wire
