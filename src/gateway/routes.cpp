// SPDX-License-Identifier: Apache-2.0
#include "gateway/routes.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace msd::gateway {

namespace {

using outcome = route_match::outcome;
using core::configured_routes;
using precision = configured_routes::precision;

// Smaller is more precise. Routes for certain hosts are only in the configuration.
using rank = std::tuple<bool, precision, std::size_t>;

rank rank_of(const configured_routes::match& found) {
    // Of exact paths and patterns the number of segments is that of the request.
    const bool is_prefix = found.how == precision::prefix;
    return {!found.is_of_host, found.how, is_prefix ? SIZE_MAX - found.route->segments : 0};
}

rank rank_of(const core::program_routes::match& found) {
    const bool is_prefix = found.how == precision::prefix;
    return {true, found.how, is_prefix ? SIZE_MAX - found.route->segments : 0};
}

rank rank_of(const core::route_table::match& found) {
    return {true, found.variables.empty() ? precision::exact : precision::pattern, 0};
}

// The first segments of a path as text for Location and for the path of a cookie. Browsers take a
// backslash for a slash, and a semicolon ends the path of a cookie.
std::string first_segments(std::string_view path, std::size_t segments) {
    std::string made;
    for (; segments > 0; --segments) {
        path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
        const std::size_t end = std::min(path.find('/'), path.size());
        made += '/';
        for (const char c : path.substr(0, end)) {
            if (c == '\\') {
                made += "%5C";
            } else if (c == ';') {
                made += "%3B";
            } else {
                made += c;
            }
        }
        path.remove_prefix(end);
    }
    return made;
}

// What the service receives of the path. `stripped`: the prefix as the route has it; empty: none.
void set_path(
    route_match& match,
    const core::request_path& path,
    std::string_view stripped,
    std::size_t segments
) {
    if (!path.is_as_received()) {
        match.path = path.forwarded();
    }
    match.skip = stripped.empty() ? 0 : path.prefix_bytes(segments);
    const bool has_variable = stripped.find('{') != std::string_view::npos;
    if (has_variable) {
        match.prefix = first_segments(path.forwarded(), segments);
    }
}

void add_list(std::set<std::string_view>& to, std::string_view list) {
    constexpr std::string_view separator = ", ";
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(separator), list.size());
        to.insert(list.substr(0, end));
        list.remove_prefix(std::min(end + separator.size(), list.size()));
    }
}

} // namespace

std::string_view route_match::name() const {
    switch (what) {
    case outcome::configured:
        return configured->settings.name;
    case outcome::packets:
        return packets.target->pattern;
    case outcome::program:
        return program->path;
    case outcome::wrong_method:
    case outcome::unknown:
    case outcome::malformed:
        break;
    }
    return {};
}

std::string_view route_match::stripped() const {
    if (!prefix.empty()) {
        return prefix;
    }
    if (what == outcome::configured) {
        return configured->stripped;
    }
    return what == outcome::program ? std::string_view{program->stripped} : std::string_view{};
}

std::string_view
route_match::target_for_service(std::string_view target, std::string& storage) const {
    if (path.empty()) {
        return target.substr(skip);
    }
    storage = path.substr(skip);
    const std::size_t query = target.find('?');
    storage += query == std::string_view::npos ? std::string_view{} : target.substr(query);
    return storage;
}

route_match routes::find(const routed_request& request) const {
    route_match match;
    match.packets = packets_.find(request.method, request.path);
    const bool has_packets = match.packets.what == core::route_table::outcome::found;
    if (has_only_packets() || !request.path.starts_with('/')) {
        using from = core::route_table::outcome;
        match.allow = std::move(match.packets.allow);
        match.what = has_packets                                ? outcome::packets
                     : match.packets.what == from::wrong_method ? outcome::wrong_method
                                                                : outcome::unknown;
        return match;
    }
    const auto path = core::request_path::read(request.path);
    if (!path) {
        match.what = has_packets ? outcome::packets : outcome::malformed;
        match.problem = path.error().text;
        return match;
    }
    const auto configured = configured_->find(request.method, request.host, *path);
    const auto program = programs_.find(*path);
    const rank last{true, precision::prefix, SIZE_MAX};
    const rank of_configured = configured.route != nullptr ? rank_of(configured) : last;
    const rank of_packets = has_packets ? rank_of(match.packets) : last;
    const rank of_program = program.route ? rank_of(program) : last;
    if (configured.route != nullptr && of_configured <= of_packets && of_configured <= of_program) {
        match.what = outcome::configured;
        match.configured = {configured_, configured.route};
        set_path(match, *path, configured.route->stripped, configured.route->segments);
    } else if (has_packets && of_packets <= of_program) {
        match.what = outcome::packets;
    } else if (program.route) {
        match.what = outcome::program;
        match.program = program.route;
        set_path(match, *path, program.route->stripped, program.route->segments);
    } else {
        std::set<std::string_view> methods;
        configured_->add_methods(methods, request.host, *path);
        const std::string of_registry = std::move(match.packets.allow);
        add_list(methods, of_registry);
        for (const std::string_view method : methods) {
            match.allow += match.allow.empty() ? "" : ", ";
            match.allow += method;
        }
        match.what = match.allow.empty() ? outcome::unknown : outcome::wrong_method;
    }
    return match;
}

} // namespace msd::gateway
