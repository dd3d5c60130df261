// SPDX-License-Identifier: Apache-2.0
#include "core/route_settings_check.hpp"

#include "core/configured_routes.hpp"
#include "core/path_patterns.hpp"
#include "core/registration.hpp"
#include "core/request_path.hpp"
#include "wire/http_char.hpp"
#include "wire/http_host.hpp"
#include "wire/http_line.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace msd::core {

namespace {

constexpr std::size_t method_bytes_max = 32;
constexpr std::size_t splits_max = 64;
constexpr unsigned weight_max = 1'000'000;
constexpr std::size_t location_bytes_max = 4096;
constexpr std::size_t type_bytes_max = 256;
constexpr std::size_t body_bytes_max = std::size_t{64} * 1024;
constexpr std::array redirect_statuses{301, 302, 303, 307, 308};

result<void> check_segments(std::string_view path) {
    const path_segments parts{path};
    if (parts.size() == 0) {
        return fail(
            errc::invalid,
            "has more than " + std::to_string(path_segments::segments_max) + " segments"
        );
    }
    std::set<std::string_view> names;
    for (const std::string_view part : parts) {
        const bool has_braces = part.find_first_of("{}") != std::string_view::npos;
        const std::string_view inner = is_variable(part) ? variable_name(part) : part;
        const bool is_name =
            is_variable(part) && inner.find_first_of("{}") == std::string_view::npos;
        if (has_braces && !is_name) {
            return fail(
                errc::invalid,
                "braces stand around the name of a whole segment, as in \"/users/{id}\""
            );
        }
        if (is_name && !names.insert(inner).second) {
            return fail(errc::invalid, "has {" + std::string{inner} + "} twice");
        }
    }
    return {};
}

// Checks one key after the other; each check ends at its first mistake.
class route_check {
public:
    explicit route_check(const route_settings& route) : route_{route} {}

    [[nodiscard]] result<void> run() const {
        using step = result<void> (route_check::*)() const;
        constexpr std::array<step, 9> steps{
            &route_check::name,
            &route_check::hosts,
            &route_check::path,
            &route_check::methods,
            &route_check::target,
            &route_check::split,
            &route_check::redirect,
            &route_check::respond,
            &route_check::fallback,
        };
        for (const step each : steps) {
            if (auto checked = (this->*each)(); !checked) {
                return checked;
            }
        }
        return {};
    }

private:
    [[nodiscard]] tl::unexpected<error> wrong(std::string_view key, std::string_view why) const {
        return fail(errc::invalid, place_of(route_, key) + std::string{why});
    }

    static bool is_printable(std::string_view text) {
        return std::all_of(text.begin(), text.end(), wire::is_value_char);
    }

    static bool is_service_name(std::string_view text) {
        return !text.empty() && text.size() <= name_bytes_max && is_printable(text);
    }

    [[nodiscard]] result<void> name() const {
        if (route_.name.size() > configured_routes::path_bytes_max || !is_printable(route_.name)) {
            return wrong("name", "is too long or has control characters");
        }
        return {};
    }

    [[nodiscard]] result<void> hosts() const {
        if (route_.hosts.size() > configured_routes::hosts_max) {
            return wrong(
                "hosts",
                "a route has at most " + std::to_string(configured_routes::hosts_max) + " hosts"
            );
        }
        for (const std::string& host : route_.hosts) {
            std::string_view name = host;
            if (name.starts_with("*.")) {
                name.remove_prefix(2);
            }
            std::string lower;
            const bool is_name = name.size() <= host_bytes_max && wire::is_host(name) &&
                                 name.find('*') == std::string_view::npos;
            if (!is_name || compared_host(name, lower).size() != name.size()) {
                return wrong(
                    "hosts",
                    "\"" + host + "\" is no host: write a name without port, as in " +
                        "\"shop.example\", or \"*.shop.example\""
                );
            }
        }
        return {};
    }

    [[nodiscard]] result<void> path() const {
        if (const auto checked = check_path(route_.path); !checked) {
            return wrong("path", checked.error().text);
        }
        return {};
    }

    [[nodiscard]] result<void> methods() const {
        if (route_.methods.size() > configured_routes::methods_max) {
            return wrong(
                "methods",
                "a route has at most " + std::to_string(configured_routes::methods_max) + " methods"
            );
        }
        for (const std::string& method : route_.methods) {
            if (method.empty() || method.size() > method_bytes_max ||
                !std::all_of(method.begin(), method.end(), wire::is_token_char)) {
                return wrong("methods", "\"" + method + "\" is no method");
            }
            if (method == "CONNECT" || method == "TRACE") {
                return wrong("methods", method + " cannot be forwarded");
            }
            if (std::any_of(method.begin(), method.end(), [](char c) {
                    return c >= 'a' && c <= 'z';
                })) {
                return wrong("methods", "\"" + method + "\": methods have upper-case letters");
            }
        }
        return {};
    }

    // Exactly one of four, and what only some of them allow.
    [[nodiscard]] result<void> target() const {
        const int targets = (route_.service.empty() ? 0 : 1) + (route_.split.empty() ? 0 : 1) +
                            (route_.redirect ? 1 : 0) + (route_.respond ? 1 : 0);
        if (targets != 1) {
            return wrong(
                "service",
                "a route has exactly one of service, split, redirect and respond"
            );
        }
        if (!route_.service.empty() && !is_service_name(route_.service)) {
            return wrong("service", "is too long or has control characters");
        }
        const bool has_service = !route_.service.empty() || !route_.split.empty();
        if (route_.strip_prefix && (!route_.path.ends_with('/') || !has_service)) {
            return wrong(
                "strip_prefix",
                "needs a path that ends in \"/\", and a service that receives the rest"
            );
        }
        if (route_.timeout < milliseconds{0}) {
            return wrong("timeout_ms", "is negative");
        }
        return {};
    }

    [[nodiscard]] result<void> split() const {
        if (route_.split.size() > splits_max) {
            return wrong("split", "has at most " + std::to_string(splits_max) + " services");
        }
        std::set<std::string_view> names;
        bool has_weight = route_.split.empty();
        for (const auto& [service, weight] : route_.split) {
            if (!is_service_name(service) || !names.insert(service).second) {
                return wrong(
                    "split",
                    "\"" + service + "\" is no name of a service, or is there twice"
                );
            }
            if (weight > weight_max) {
                return wrong("split", "a weight is at most " + std::to_string(weight_max));
            }
            has_weight = has_weight || weight > 0;
        }
        if (!has_weight) {
            return wrong("split", "has no weight above 0");
        }
        return {};
    }

    [[nodiscard]] result<void> redirect() const {
        if (!route_.redirect) {
            return {};
        }
        const auto& [status, location] = *route_.redirect;
        if (std::find(redirect_statuses.begin(), redirect_statuses.end(), status) ==
            redirect_statuses.end()) {
            return wrong("redirect", "status is one of 301, 302, 303, 307 and 308");
        }
        const bool is_clean = std::all_of(location.begin(), location.end(), wire::is_visible);
        if (location.empty() || location.size() > location_bytes_max || !is_clean) {
            return wrong("redirect", "location is missing, too long, or not in visible ASCII");
        }
        return {};
    }

    [[nodiscard]] result<void> respond() const {
        return route_.respond ? reply("respond", *route_.respond) : result<void>{};
    }

    [[nodiscard]] result<void> fallback() const {
        if (route_.fallback_service.empty() && !route_.fallback_reply && !route_.fallback_stale) {
            return {};
        }
        if (route_.service.empty() && route_.split.empty()) {
            return wrong("fallback", "needs a service that it takes the place of");
        }
        if (!route_.fallback_service.empty() && route_.fallback_reply) {
            return wrong("fallback", "is a service or a reply, not both");
        }
        if (!route_.fallback_service.empty() && !is_service_name(route_.fallback_service)) {
            return wrong("fallback", "service is too long or has control characters");
        }
        return route_.fallback_reply ? reply("fallback", *route_.fallback_reply) : result<void>{};
    }

    [[nodiscard]] result<void>
    reply(std::string_view key, const route_settings::canned_reply& made) const {
        const auto& [status, type, body] = made;
        if (status < 200 || status > 599) {
            return wrong(key, "status is a number from 200 to 599");
        }
        if (!body.empty() && (status == 204 || status == 304)) {
            return wrong(key, "a reply with this status has no body");
        }
        if (body.size() > body_bytes_max) {
            return wrong(key, "body has at most " + std::to_string(body_bytes_max) + " bytes");
        }
        if (type.size() > type_bytes_max || !std::all_of(type.begin(), type.end(), [](char c) {
                return wire::is_visible(c) || c == ' ';
            })) {
            return wrong(key, "type is too long or not in visible ASCII");
        }
        return {};
    }

    const route_settings& route_;
};

} // namespace

result<void> check(const route_settings& route) {
    return route_check{route}.run();
}

result<void> check_path(std::string_view path) {
    const bool is_clean = std::all_of(path.begin(), path.end(), [](char c) {
        return (wire::is_visible(c) || wire::is_beyond_ascii(c)) && c != '?' && c != '#' &&
               c != '\\';
    });
    if (!path.starts_with('/') || !is_clean) {
        return fail(errc::invalid, "must begin with / and have no query, blank or backslash");
    }
    if (path.size() > configured_routes::path_bytes_max) {
        return fail(errc::invalid, "is too long");
    }
    const auto read = request_path::read(path);
    if (!read || !read->is_as_received() || path.find("//") != std::string_view::npos) {
        return fail(
            errc::invalid,
            "must have correct percent-escapes, and no empty or dot segments"
        );
    }
    return check_segments(path);
}

std::string place_of(const route_settings& route, std::string_view key) {
    std::string text = route.source;
    text += text.empty() ? "" : ": ";
    text += key;
    text += ": ";
    return text;
}

} // namespace msd::core
