// SPDX-License-Identifier: Apache-2.0
#include "core/route_table.hpp"

#include "wire/http_params.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <set>

namespace msd::core {

namespace {

constexpr std::string_view usual_one_way = "POST/logs"; // never answered (docs/protocol.md, 2)
constexpr std::size_t method_bytes_max = 32;
constexpr std::size_t methods_allowed_max = 64; // in one Allow header

bool is_method(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    const auto is_allowed = [&](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    };
    return !text.empty() && text.size() <= method_bytes_max &&
           std::all_of(text.begin(), text.end(), is_allowed);
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

const route_table::route_ptr* route_of(const route_claims& claims, std::string_view service) {
    return service.empty() ? &claims.current() : claims.of(service);
}

// Null: the service has no such route. An empty service is any.
const route_table::route_ptr*
pick(const path_offers& offers, std::string_view method, std::string_view service) {
    const auto found = offers.find(method);
    const auto* const target = found == offers.end() ? nullptr : route_of(found->second, service);
    if (target != nullptr || method != "HEAD") {
        return target;
    }
    const auto get = offers.find(std::string_view{"GET"});
    return get == offers.end() ? nullptr : route_of(get->second, service);
}

void add_methods(
    std::set<std::string_view>& to,
    const path_offers& offers,
    std::string_view service
) {
    for (const auto& [method, claims] : offers) {
        if (to.size() >= methods_allowed_max) {
            return;
        }
        if (route_of(claims, service) != nullptr) {
            to.insert(method);
        }
    }
}

std::string joined(std::set<std::string_view>&& methods) {
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

} // namespace

route_table::route_table(std::span<const node_info> nodes, std::span<const node_info> gone) {
    for (const node_info& node : nodes) {
        add(node);
    }
    for (const node_info& node : gone) {
        add(node, presence::gone);
    }
}

std::vector<route_table::claim> route_table::claims_of(const node_info& node) {
    std::vector<claim> claims;
    if (node.is_http()) {
        return claims; // see core/program_routes.hpp
    }
    claims.reserve(node.routes.empty() ? node.urls.size() : node.routes.size());
    for (const route_info& said : node.routes) {
        if (is_method(said.method) && is_path(said.path)) {
            claims.push_back(
                {said.method,
                 said.path,
                 said.one_way,
                 said.wants_client,
                 !said.secrets.empty(),
                 said.wants}
            );
        }
    }
    // A node that describes its routes also sends them as urls, for nodes that read only urls.
    if (!node.routes.empty()) {
        return claims;
    }
    for (const std::string& url : node.urls) {
        const std::size_t slash = std::min(url.find('/'), url.size());
        const std::string_view method = std::string_view{url}.substr(0, slash);
        const std::string_view path = std::string_view{url}.substr(slash);
        if (is_method(method) && is_path(path)) {
            claims.push_back({method, path, url == usual_one_way, false, false, {}});
        }
    }
    return claims;
}

route_claims::terms route_table::terms_of(const claim& claimed) {
    return {
        claimed.path,
        claimed.one_way,
        claimed.wants_client,
        claimed.has_secrets,
        claimed.wants};
}

bool route_table::claim::operator==(const claim& other) const {
    return method == other.method && path == other.path && one_way == other.one_way &&
           wants_client == other.wants_client && has_secrets == other.has_secrets &&
           std::equal(wants.begin(), wants.end(), other.wants.begin(), other.wants.end());
}

void route_table::add(const node_info& node, presence how) {
    for (const claim& each : claims_of(node)) {
        put(each, node.id.name, how);
    }
}

void route_table::remove(const node_info& node, presence how) {
    for (const claim& each : claims_of(node)) {
        drop(each, node.id.name, how);
    }
}

// What is equal at the beginning and at the end of both is left alone.
void route_table::replace(const node_info& old, const node_info& now) {
    if (old.id.name != now.id.name) {
        remove(old);
        add(now);
        return;
    }
    const auto before = claims_of(old);
    const auto after = claims_of(now);
    const auto [first_before, first_after] =
        std::mismatch(before.begin(), before.end(), after.begin(), after.end());
    const auto [last_before, last_after] = std::mismatch(
        before.rbegin(),
        std::make_reverse_iterator(first_before),
        after.rbegin(),
        std::make_reverse_iterator(first_after)
    );
    // New ones first: a route that has only moved within the list is not removed and made again.
    for (auto each = first_after; each != last_after.base(); ++each) {
        put(*each, now.id.name, presence::present);
    }
    for (auto each = first_before; each != last_before.base(); ++each) {
        drop(*each, old.id.name, presence::present);
    }
}

void route_table::put(const claim& claimed, const std::string& service, presence how) {
    ++work_;
    const path_segments segments{claimed.path};
    path_offers* offers = nullptr;
    if (has_variable(segments)) {
        offers = &patterns_.offers_of(segments);
    } else {
        auto place = exact_.find(claimed.path);
        if (place == exact_.end()) {
            place = exact_.emplace(claimed.path, path_offers{}).first;
        }
        offers = &place->second;
    }
    auto offered = offers->find(claimed.method);
    if (offered == offers->end()) {
        offered = offers->emplace(claimed.method, route_claims{}).first;
        offered->second.order = next_order_++;
    }
    route_claims& claims = offered->second;
    const bool is_contested = claims.add({service, how}, terms_of(claimed));
    claims.renew(claimed.method, {service, how});
    if (is_contested && contested_.size() < contested_max) {
        contested_.push_back(claims.current());
    }
}

void route_table::drop(const claim& claimed, const std::string& service, presence how) {
    ++work_;
    const path_segments segments{claimed.path};
    const bool is_pattern = has_variable(segments);
    const auto exact = is_pattern ? exact_.end() : exact_.find(claimed.path);
    path_offers& offers = is_pattern ? patterns_.offers_of(segments) : exact->second;
    const auto offered = offers.find(claimed.method);
    assert(offered != offers.end());
    route_claims& claims = offered->second;
    claims.remove({service, how}, terms_of(claimed));
    if (!claims.empty()) {
        claims.renew(claimed.method, {service, how});
        return;
    }
    offers.erase(offered);
    if (offers.empty() && is_pattern) {
        patterns_.remove(segments);
    } else if (offers.empty()) {
        exact_.erase(exact);
    }
}

route_table::match
route_table::find_of(std::string_view service, std::string_view method, std::string_view path)
    const {
    match found;
    const auto exact = exact_.find(path);
    if (exact != exact_.end()) {
        if (const route_ptr* const target = pick(exact->second, method, service)) {
            found.what = outcome::found;
            found.target = *target;
            return found;
        }
    }
    const path_segments segments{path};
    const auto has_method = [&](const path_patterns::pattern& candidate) {
        return pick(candidate.offers, method, service) != nullptr;
    };
    if (const auto* const fitting = patterns_.preferred(segments, has_method)) {
        found.what = outcome::found;
        found.target = *pick(fitting->offers, method, service);
        const route& target = *found.target;
        found.variables.reserve(target.places.size());
        for (std::size_t i = 0; i < target.places.size(); ++i) {
            const std::string_view segment = segments[target.places[i]];
            found.variables.emplace_back(
                target.variables[i],
                *wire::percent_decode(segment, false)
            );
        }
        return found;
    }
    std::set<std::string_view> methods;
    if (exact != exact_.end()) {
        add_methods(methods, exact->second, service);
    }
    patterns_.for_each_fitting(segments, [&](const path_patterns::pattern& fitting) {
        add_methods(methods, fitting.offers, service);
    });
    found.allow = joined(std::move(methods));
    found.what = found.allow.empty() ? outcome::unknown : outcome::wrong_method;
    return found;
}

std::vector<route_table::route_ptr> route_table::routes() const {
    std::vector<std::pair<std::uint64_t, route_ptr>> placed;
    const auto collect = [&placed](const path_offers& offers) {
        for (const auto& [method, claims] : offers) {
            placed.emplace_back(claims.order, claims.current());
        }
    };
    for (const auto& [path, offers] : exact_) {
        collect(offers);
    }
    patterns_.for_each([&collect](const path_patterns::pattern& each) { collect(each.offers); });
    std::sort(placed.begin(), placed.end(), [](const auto& one, const auto& other) {
        return one.first < other.first;
    });
    std::vector<route_ptr> all;
    all.reserve(placed.size());
    for (auto& [place, each] : placed) {
        all.push_back(std::move(each));
    }
    return all;
}

std::vector<std::string> route_table::also_claimed_by(const route& contested) const {
    const path_segments segments{contested.pattern};
    const path_offers* offers = nullptr;
    if (has_variable(segments)) {
        const auto* const known = patterns_.find(segments);
        offers = known == nullptr ? nullptr : &known->offers;
    } else {
        const auto known = exact_.find(contested.pattern);
        offers = known == exact_.end() ? nullptr : &known->second;
    }
    if (offers == nullptr) {
        return {};
    }
    const auto claims = offers->find(contested.method);
    return claims == offers->end() ? std::vector<std::string>{} : claims->second.others();
}

} // namespace msd::core
