// SPDX-License-Identifier: Apache-2.0
#include "app/route_rules.hpp"

#include "app/endpoint.hpp"
#include "core/path_patterns.hpp"
#include "process/listen_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
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

bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

result<void> check_characters(std::string_view path) {
    for (std::size_t i = 0; i < path.size(); ++i) {
        const char c = path[i];
        if (c == '?' || c == '#') {
            return invalid(fmt::format("\"{}\" contains {}: a path has no query", path, c));
        }
        if (c <= ' ' || c > '~' || c == '"' || c == '<' || c == '>' || c == '\\') {
            return invalid(fmt::format("\"{}\" contains a character that a URL writes as %XX", path)
            );
        }
        if (c == '%' && !(i + 2 < path.size() && is_hex(path[i + 1]) && is_hex(path[i + 2]))) {
            return invalid(fmt::format("\"{}\" contains % without two digits", path));
        }
    }
    return {};
}

// "." and "..", also with %2e.
bool is_dot_segment(std::string_view segment) {
    std::size_t dots = 0;
    while (!segment.empty()) {
        const bool is_plain = segment.front() == '.';
        const bool is_encoded = segment.starts_with("%2e") || segment.starts_with("%2E");
        if (!is_plain && !is_encoded) {
            return false;
        }
        segment.remove_prefix(is_plain ? 1 : 3);
        ++dots;
    }
    return dots == 1 || dots == 2;
}

result<void>
check_segment(std::string_view path, std::string_view segment, std::set<std::string_view>& names) {
    if (segment.empty()) {
        return invalid(fmt::format("\"{}\" contains an empty segment", path));
    }
    if (is_dot_segment(segment)) {
        return invalid(fmt::format("\"{}\" contains the segment {}", path, segment));
    }
    if (segment.find_first_of("{}") == std::string_view::npos) {
        return {};
    }
    if (!core::is_variable(segment) ||
        core::variable_name(segment).find_first_of("{}") != std::string_view::npos) {
        return invalid(
            fmt::format("\"{}\": a variable is a whole segment, for example {{id}}", path)
        );
    }
    if (!names.insert(core::variable_name(segment)).second) {
        return invalid(fmt::format("\"{}\" contains {} twice", path, segment));
    }
    return {};
}

bool is_name_of_host(std::string_view host) {
    return !host.empty() && !host.starts_with('.') && !host.ends_with('.') &&
           host.find("..") == std::string_view::npos && std::ranges::all_of(host, [](char c) {
               return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
           });
}

} // namespace

result<void> check_route_path(std::string_view path) {
    if (!path.starts_with('/')) {
        return invalid(fmt::format("\"{}\" does not begin with /", path));
    }
    if (auto checked = check_characters(path); !checked) {
        return checked;
    }
    std::set<std::string_view> names;
    std::string_view rest = path.substr(1);
    while (!rest.empty()) { // nothing follows the "/" at the end of a prefix
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        if (auto checked = check_segment(path, rest.substr(0, slash), names); !checked) {
            return checked;
        }
        rest.remove_prefix(std::min(slash + 1, rest.size()));
    }
    return {};
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
