// SPDX-License-Identifier: Apache-2.0
#include "app/route_rules.hpp"

#include "app/endpoint.hpp"
#include "core/route_settings_check.hpp"
#include "process/listen_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace msd::app {

namespace {

tl::unexpected<error> invalid(std::string text) {
    return fail(errc::invalid, std::move(text));
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_name_of_host(std::string_view host) {
    return !host.empty() && !host.starts_with('.') && !host.ends_with('.') &&
           host.find("..") == std::string_view::npos && std::ranges::all_of(host, [](char c) {
               return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
           });
}

} // namespace

result<void> check_route_path(std::string_view path) {
    const auto checked = core::check_path(path);
    return checked ? result<void>{} : invalid(fmt::format("\"{}\" {}", path, checked.error().text));
}

result<std::string> parse_route_host(std::string_view host) {
    const std::string_view name = host.starts_with("*.") ? host.substr(2) : host;
    const bool is_address = host.starts_with('[') && host.ends_with(']') &&
                            process::plain_ipv6(host.substr(1, host.size() - 2)).has_value();
    if (!is_address && !is_name_of_host(name)) {
        return invalid(fmt::format(
            "\"{}\" is not a host: write shop.example, *.shop.example or [::1], without a port",
            host
        ));
    }
    std::string lower{host};
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower;
}

result<void> check_route_method(std::string_view method) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~"; // RFC 9110, 5.6.2
    const bool is_token = !method.empty() && std::ranges::all_of(method, [others](char c) {
        return is_letter(c) || is_digit(c) || others.find(c) != std::string_view::npos;
    });
    if (!is_token) {
        return invalid(fmt::format("\"{}\" is not a method", method));
    }
    if (method == "CONNECT" || method == "TRACE") {
        return invalid(fmt::format("{} requests are not forwarded", method));
    }
    std::string upper{method};
    std::ranges::transform(upper, upper.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    constexpr std::array<std::string_view, 7>
        known{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
    if (upper != method && std::ranges::find(known, upper) != known.end()) {
        return invalid(fmt::format("\"{}\": did you mean {}?", method, upper));
    }
    return {};
}

result<void> check_redirect_location(std::string_view location) {
    constexpr std::array<std::string_view, 2> known{"{path}", "{query}"};
    while (true) {
        location.remove_prefix(std::min(location.find_first_of("{}"), location.size()));
        if (location.empty()) {
            return {};
        }
        const std::size_t end = std::min(location.find('}'), location.size() - 1);
        const std::string_view name = location.substr(0, end + 1);
        if (std::ranges::find(known, name) == known.end()) {
            return invalid(fmt::format("\"{}\" is neither {{path}} nor {{query}}", name));
        }
        location.remove_prefix(name.size());
    }
}

result<std::string> parse_program_address(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    std::string_view place = text;
    if (place.starts_with("https://")) {
        return invalid(
            fmt::format("\"{}\": programs are called without TLS, write http://HOST:PORT", text)
        );
    }
    if (place.starts_with(scheme)) {
        place.remove_prefix(scheme.size());
        if (place.ends_with('/')) {
            place.remove_suffix(1);
        }
    }
    const auto read = parse_endpoint(place, endpoint_port::required);
    if (!read) {
        return tl::unexpected{read.error()};
    }
    if (!process::plain_ipv6(read->host) && !is_name_of_host(read->host)) {
        return invalid(fmt::format("\"{}\" is not HOST:PORT", text));
    }
    return process::endpoint_text(read->host, read->port);
}

} // namespace msd::app
