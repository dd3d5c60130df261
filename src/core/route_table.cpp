// SPDX-License-Identifier: Apache-2.0
#include "core/route_table.hpp"

#include "wire/http_params.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

namespace msd::core {

namespace {

// The most segments of a pattern: longer paths are only compared with exact paths.
constexpr std::size_t segments_max = 32;

// Secret parameters of foreign services, which have no schema to mark them.
const std::vector<std::string> usual_secrets{"password", "token", "secret"};
constexpr std::string_view usual_one_way = "POST/logs"; // never answered (docs/protocol.md, 2)

bool is_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    });
}

bool is_path(std::string_view text) {
    const auto is_plain = [](char c) {
        return c > ' ' && c != '\x7F' && c != '?' && c != '#';
    };
    const auto is_printable = [&](char c) {
        return is_plain(c) || (c & '\x80') != 0;
    };
    return text.starts_with('/') && std::all_of(text.begin(), text.end(), is_printable);
}

// "/a/b" is "a", "b". Empty when there are more than segments_max.
std::vector<std::string_view> split(std::string_view path) {
    std::vector<std::string_view> parts;
    while (path.starts_with('/')) {
        if (parts.size() == segments_max) {
            return {};
        }
        path.remove_prefix(1);
        const std::size_t end = std::min(path.find('/'), path.size());
        parts.push_back(path.substr(0, end));
        path.remove_prefix(end);
    }
    return parts;
}

bool is_variable(std::string_view part) {
    return part.size() > 2 && part.front() == '{' && part.back() == '}';
}

// "{id}" is "id".
std::string_view name_of(std::string_view variable) {
    return variable.substr(1, variable.size() - 2);
}

std::vector<std::string> variables_of(std::string_view pattern) {
    std::vector<std::string> names;
    for (const std::string_view part : split(pattern)) {
        if (is_variable(part)) {
            names.emplace_back(name_of(part));
        }
    }
    return names;
}

// The pattern without the names of its variables: "/goods/?". A literal part has no '?'.
std::string key_of(std::span<const std::string_view> parts) {
    std::string key;
    for (const std::string_view part : parts) {
        key += '/';
        key += is_variable(part) ? "?" : part;
    }
    return key;
}

void add_missing(std::vector<std::string>& to, const std::vector<std::string>& names) {
    std::copy_if(
        names.begin(),
        names.end(),
        std::back_inserter(to),
        [&to](const std::string& name) { return std::find(to.begin(), to.end(), name) == to.end(); }
    );
}

} // namespace

route_table::route_table(std::span<const node_info> nodes, std::span<const node_info> gone) {
    for (const node_info& node : nodes) {
        add(node);
    }
    present_routes_ = routes_.size();
    for (const node_info& node : gone) {
        add(node);
    }
    places_.clear();
    for (route& each : routes_) {
        std::sort(each.also_claimed_by.begin(), each.also_claimed_by.end());
    }
    std::sort(patterns_.begin(), patterns_.end(), [](const shape& a, const shape& b) {
        return std::tie(b.literal_bytes, a.variables, a.key) <
               std::tie(a.literal_bytes, b.variables, b.key);
    });
}

void route_table::add(const node_info& node) {
    for (const route_info& said : node.routes) {
        if (is_token(said.method) && is_path(said.path)) {
            offer(
                {said.method,
                 said.path,
                 node.id.name,
                 said.one_way,
                 said.secrets,
                 variables_of(said.path),
                 {},
                 said.wants_client}
            );
        }
    }
    // A node that describes its routes also sends them as urls, for nodes that read only urls.
    if (!node.routes.empty()) {
        return;
    }
    for (const std::string& url : node.urls) {
        const std::size_t slash = std::min(url.find('/'), url.size());
        const std::string_view method = std::string_view{url}.substr(0, slash);
        const std::string_view path = std::string_view{url}.substr(slash);
        if (is_token(method) && is_path(path)) {
            const bool one_way = url == usual_one_way;
            offer(
                {std::string{method},
                 std::string{path},
                 node.id.name,
                 one_way,
                 usual_secrets,
                 variables_of(path),
                 {}}
            );
        }
    }
}

void route_table::offer(route&& offered) {
    shape& place = shape_of(offered.pattern);
    for (const std::size_t index : place.offers) {
        if (routes_[index].method == offered.method) {
            settle(index, std::move(offered));
            return;
        }
    }
    place.offers.push_back(routes_.size());
    routes_.push_back(std::move(offered));
}

// A route is offered a second time.
void route_table::settle(std::size_t index, route&& offered) {
    if (index < present_routes_) {
        return; // a listed node offers the route, and this node is gone
    }
    route& known = routes_[index];
    if (known.service == offered.service) {
        // Instances of one service may have different versions: a parameter is secret if any
        // instance marks it as secret.
        known.one_way = known.one_way || offered.one_way;
        known.wants_client = known.wants_client || offered.wants_client;
        add_missing(known.secrets, offered.secrets);
        if (offered.pattern < known.pattern) {
            known.pattern = std::move(offered.pattern);
            known.variables = std::move(offered.variables);
        }
        return;
    }
    if (offered.service < known.service) {
        std::swap(known, offered);
        known.also_claimed_by = std::move(offered.also_claimed_by);
    }
    add_missing(known.also_claimed_by, {offered.service});
}

route_table::shape& route_table::shape_of(const std::string& pattern) {
    const auto parts = split(pattern);
    if (std::none_of(parts.begin(), parts.end(), is_variable)) {
        return exact_[pattern];
    }
    const auto [place, is_new] = places_.emplace(key_of(parts), patterns_.size());
    if (!is_new) {
        return patterns_[place->second];
    }
    shape& made = patterns_.emplace_back();
    for (const std::string_view part : parts) {
        const bool variable = is_variable(part);
        made.segments.push_back({std::string{variable ? "" : part}, variable});
        made.variables += variable ? 1 : 0;
    }
    made.key = place->first;
    made.literal_bytes = made.key.find('?');
    return made;
}

const route_table::route*
route_table::pick(const shape& candidates, std::string_view method) const {
    const route* as_get = nullptr;
    for (const std::size_t index : candidates.offers) {
        const route& offered = routes_[index];
        if (offered.method == method) {
            return &offered;
        }
        if (method == "HEAD" && offered.method == "GET") {
            as_get = &offered;
        }
    }
    return as_get;
}

bool route_table::fits(
    const shape& candidate,
    std::span<const std::string_view> parts,
    std::vector<std::string>* values
) {
    const auto& segments = candidate.segments;
    if (segments.size() != parts.size()) {
        return false;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (!segments[i].is_variable) {
            if (segments[i].text != parts[i]) {
                return false;
            }
            continue;
        }
        auto decoded = wire::percent_decode(parts[i], false);
        if (!decoded || decoded->empty()) {
            return false;
        }
        if (values != nullptr) {
            values->push_back(std::move(*decoded));
        }
    }
    return true;
}

route_table::match
route_table::find_pattern(std::span<const std::string_view> parts, std::string_view method) const {
    match found;
    std::vector<std::string> values;
    for (const shape& candidate : patterns_) {
        const route* const target = pick(candidate, method);
        if (target == nullptr) {
            continue;
        }
        values.clear();
        if (!fits(candidate, parts, &values)) {
            continue;
        }
        found.what = outcome::found;
        found.target = target;
        for (std::size_t i = 0; i < values.size(); ++i) {
            found.variables.emplace_back(target->variables[i], std::move(values[i]));
        }
        break;
    }
    return found;
}

std::string
route_table::allowed(const shape* exact, std::span<const std::string_view> parts) const {
    std::set<std::string_view> methods;
    const auto collect = [&](const shape& known) {
        for (const std::size_t index : known.offers) {
            methods.insert(routes_[index].method);
        }
    };
    if (exact != nullptr) {
        collect(*exact);
    }
    for (const shape& candidate : patterns_) {
        if (fits(candidate, parts, nullptr)) {
            collect(candidate);
        }
    }
    if (methods.contains("GET")) {
        methods.insert("HEAD");
    }
    std::string list;
    for (const std::string_view method : methods) {
        list += list.empty() ? "" : ", ";
        list += method;
    }
    return list;
}

route_table::match route_table::find(std::string_view method, std::string_view path) const {
    const auto exact = exact_.find(path);
    const shape* const candidates = exact != exact_.end() ? &exact->second : nullptr;
    match found;
    if (candidates != nullptr) {
        found.target = pick(*candidates, method);
    }
    if (found.target != nullptr) {
        found.what = outcome::found;
        return found;
    }
    const auto parts = split(path);
    found = find_pattern(parts, method);
    if (found.what == outcome::found) {
        return found;
    }
    found.allow = allowed(candidates, parts);
    found.what = found.allow.empty() ? outcome::unknown : outcome::wrong_method;
    return found;
}

} // namespace msd::core
