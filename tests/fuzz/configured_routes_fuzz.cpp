// SPDX-License-Identifier: Apache-2.0
// Routes of a configuration, and requests for them. A line "+ PATH HOSTS METHODS FLAGS" adds a
// route, a line "? METHOD HOST PATH" asks. The compiled table agrees with a comparison of all
// routes one by one, whatever it is given, and so does the table of web programs.
#include "core/configured_routes.hpp"
#include "core/path_patterns.hpp"
#include "core/program_routes.hpp"
#include "core/service_share.hpp"
#include "fuzz_target.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace {

using msd::fuzz::require;
using namespace msd::core;
using precision = configured_routes::precision;

constexpr std::size_t routes_max = 16; // so that the branches of a lookup are few

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(at), text.size());
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

route_settings route_of(const std::vector<std::string>& words, std::size_t number) {
    route_settings made;
    made.source = std::to_string(number);
    made.path = words.size() > 1 ? words[1] : "";
    if (words.size() > 2 && words[2] != "-") {
        made.hosts = split(words[2], ',');
    }
    if (words.size() > 3 && words[3] != "-") {
        made.methods = split(words[3], ',');
    }
    const std::string flags = words.size() > 4 ? words[4] : "";
    made.strip_prefix = flags.find('s') != std::string::npos;
    if (flags.find('w') != std::string::npos) {
        made.split = {{"a", 1}, {flags, 3}};
        made.split_by = route_settings::share_key::cookie;
    } else if (flags.find('r') != std::string::npos) {
        made.redirect.emplace(302, flags);
    } else {
        made.service = "service";
    }
    return made;
}

// Smaller is preferred: host, path and method, as core/configured_routes.hpp says.
struct rank {
    std::size_t host = 0;
    precision how = precision::exact;
    std::size_t segments = 0;
    std::vector<bool> variables;
    int method = 0;

    [[nodiscard]] auto key() const { return std::tie(host, how, segments, variables, method); }
};

std::optional<std::size_t> host_rank(const route_settings& route, std::string_view host) {
    std::string storage;
    const std::string_view name = compared_host(host, storage);
    std::optional<std::size_t> best;
    for (const std::string& each : route.hosts) {
        const std::string_view suffix = std::string_view{each}.substr(1);
        const bool is_wildcard = each.front() == '*';
        if (!is_wildcard && each == name) {
            return 0;
        }
        if (is_wildcard && name.size() > suffix.size() && name.ends_with(suffix)) {
            best = std::min(best.value_or(SIZE_MAX), 1000 - suffix.size());
        }
    }
    return route.hosts.empty() ? std::optional<std::size_t>{2000} : best;
}

std::optional<int> method_rank(const route_settings& route, std::string_view method) {
    std::optional<int> best = route.methods.empty() ? std::optional{2} : std::nullopt;
    for (const std::string& each : route.methods) {
        if (each == method) {
            return 0;
        }
        if (method == "HEAD" && each == "GET") {
            best = 1;
        }
    }
    return best;
}

bool path_fits(const compiled_route& route, std::string_view path, rank& into) {
    const std::vector<std::string> wanted = split(route.settings.path.substr(1), '/');
    std::vector<std::string> given = split(path.substr(1), '/');
    const bool has_rest = path.ends_with('/') || given.size() > wanted.size();
    if (given.size() < wanted.size() || has_rest != route.is_prefix) {
        return false;
    }
    for (std::size_t at = 0; at < wanted.size(); ++at) {
        into.variables.push_back(is_variable(wanted[at]));
        if (!is_variable(wanted[at]) && *compared_segment(wanted[at]) != given[at]) {
            return false;
        }
    }
    into.how = route.is_prefix           ? precision::prefix
               : route.variables.empty() ? precision::exact
                                         : precision::pattern;
    into.segments = route.is_prefix ? 1000 - wanted.size() : 0;
    return true;
}

struct request {
    std::string method;
    std::string host;
    std::string path;
};

const compiled_route*
best_of(const configured_routes& table, const request& asked, const request_path& path) {
    const compiled_route* best = nullptr;
    rank best_rank;
    for (const compiled_route& each : table.all()) {
        rank here;
        const auto host = host_rank(each.settings, asked.host);
        const auto method = method_rank(each.settings, asked.method);
        if (!host || !method || !path_fits(each, path.compared(), here)) {
            continue;
        }
        here.host = *host;
        here.method = *method;
        if (best == nullptr || here.key() < best_rank.key()) {
            best = &each;
            best_rank = here;
        }
    }
    return best;
}

void check_path(std::string_view raw, const request_path& path) {
    const auto again = request_path::read(path.forwarded());
    require(again && again->is_as_received(), "a forwarded path has nothing to resolve");
    require(again->compared() == path.compared(), "and means the same");
    require(path.compared().starts_with('/'), "a path begins with a slash");
    require(path.compared().find("//") == std::string_view::npos, "has no empty segments");
    for (const std::string& segment : split(path.compared(), '/')) {
        require(segment != ".." && segment != ".", "and no dot segments");
    }
    require(!path.is_as_received() || path.forwarded() == raw, "as received");
}

// A table of the same paths without hosts and methods, and one of web programs.
void check_programs(const configured_routes& table, const request_path& path) {
    std::vector<route_settings> plain;
    program_routes programs;
    node_info node;
    node.id.name = "service";
    for (const compiled_route& each : table.all()) {
        route_settings& made = plain.emplace_back();
        made.path = each.settings.path;
        made.service = "service";
        const auto compiled = configured_routes::compile(plain);
        if (!compiled) {
            plain.pop_back();
            continue;
        }
        node.routes.emplace_back().path = made.path;
    }
    programs.add(node);
    const auto compiled = configured_routes::compile(plain);
    const auto one = (*compiled)->find("GET", "", path);
    const auto other = programs.find(path);
    require((one.route == nullptr) == !other.route, "both tables find a route");
    require(one.route == nullptr || one.route->settings.path == other.route->path, "the same");
    require(one.route == nullptr || one.how == other.how, "as precise");
    programs.remove(node);
    require(programs.empty() && !programs.find(path).route, "a removed program has no routes");
}

void ask(const configured_routes& table, const request& asked) {
    const auto path = request_path::read(asked.path);
    if (!path) {
        return;
    }
    check_path(asked.path, *path);
    const auto found = table.find(asked.method, asked.host, *path);
    require(found.route == best_of(table, asked, *path), "the preferred route is found");
    check_programs(table, *path);
    if (found.route == nullptr) {
        return;
    }
    if (!found.route->stripped.empty()) {
        const auto rest = path->forwarded().substr(path->prefix_bytes(found.route->segments));
        require(rest.starts_with('/') && !rest.starts_with("//"), "the rest is a path");
    }
    const auto picked = pick_service(*found.route, {asked.host, asked.path, asked.path.size()});
    require(picked.service.empty() == found.route->settings.redirect.has_value(), "a service");
    if (found.route->settings.redirect) {
        const std::string location =
            redirect_location(found.route->settings.redirect->location, asked.path, "q");
        require(
            !location.starts_with("//") ||
                found.route->settings.redirect->location.starts_with("//"),
            "the same host"
        );
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<route_settings> written;
    std::vector<request> asked;
    for (const std::string& line : split(msd::fuzz::text_of(data, size), '\n')) {
        const auto words = split(line, ' ');
        if (words.empty()) {
            continue;
        }
        if (words[0] == "+" && written.size() < routes_max) {
            written.push_back(route_of(words, written.size()));
            // Mistakes in one route do not hide the others.
            if (!configured_routes::compile(written)) {
                written.pop_back();
            }
        } else if (words[0] == "?" && words.size() > 3) {
            asked.push_back({words[1], words[2], words[3]});
        }
    }
    const auto table = configured_routes::compile(written);
    require(table.has_value(), "routes that were compiled are compiled again");
    for (const request& each : asked) {
        ask(**table, each);
    }
    return 0;
}
