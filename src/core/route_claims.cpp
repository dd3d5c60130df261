// SPDX-License-Identifier: Apache-2.0
#include "core/route_claims.hpp"

#include "core/path_patterns.hpp"

#include <algorithm>
#include <cassert>

namespace msd::core {

bool route_claims::add(const claimant& by, const terms& claimed) {
    const bool had_others = !services_.empty() && services_.begin()->first.first == by.how;
    const auto [place, is_new] = services_.try_emplace(key{by.how, by.service});
    counts& of = place->second;
    ++of.claims;
    of.one_way += claimed.one_way ? 1 : 0;
    of.wants_client += claimed.wants_client ? 1 : 0;
    of.has_secrets += claimed.has_secrets ? 1 : 0;
    auto known = of.patterns.find(claimed.pattern);
    if (known == of.patterns.end()) {
        known = of.patterns.emplace(claimed.pattern, 0).first;
    }
    ++known->second;
    for (const std::string& name : claimed.wants) {
        ++of.wants[name];
    }
    return is_new && had_others;
}

void route_claims::remove(const claimant& by, const terms& claimed) {
    const auto place = services_.find(key{by.how, by.service});
    assert(place != services_.end());
    counts& of = place->second;
    if (--of.claims == 0) {
        services_.erase(place);
        return;
    }
    of.one_way -= claimed.one_way ? 1 : 0;
    of.wants_client -= claimed.wants_client ? 1 : 0;
    of.has_secrets -= claimed.has_secrets ? 1 : 0;
    const auto known = of.patterns.find(claimed.pattern);
    assert(known != of.patterns.end());
    if (--known->second == 0) {
        of.patterns.erase(known);
    }
    for (const std::string& name : claimed.wants) {
        const auto wanted = of.wants.find(name);
        assert(wanted != of.wants.end());
        if (--wanted->second == 0) {
            of.wants.erase(wanted);
        }
    }
}

const std::shared_ptr<const service_route>* route_claims::of(std::string_view service) const {
    const presence how = services_.begin()->first.first;
    const auto found = services_.find(key{how, service});
    return found == services_.end() ? nullptr : &found->second.route;
}

bool route_claims::is_up_to_date(const service_route& made, const counts& of) {
    return made.one_way == (of.one_way > 0) && made.wants_client == (of.wants_client > 0) &&
           made.has_secrets == (of.has_secrets > 0) && made.pattern == of.patterns.begin()->first &&
           std::equal(
               made.wants.begin(),
               made.wants.end(),
               of.wants.begin(),
               of.wants.end(),
               [](const std::string& name, const auto& counted) { return name == counted.first; }
           );
}

void route_claims::renew(std::string_view method, const claimant& changed) {
    const auto found = services_.find(key{changed.how, changed.service});
    if (found == services_.end()) {
        return;
    }
    counts& of = found->second;
    if (of.route && is_up_to_date(*of.route, of)) {
        return;
    }
    auto made = std::make_shared<service_route>();
    made->method = method;
    made->pattern = of.patterns.begin()->first;
    made->service = changed.service;
    made->one_way = of.one_way > 0;
    made->wants_client = of.wants_client > 0;
    made->has_secrets = of.has_secrets > 0;
    for (const auto& [name, count] : of.wants) {
        made->wants.push_back(name);
    }
    const path_segments segments{made->pattern};
    for (std::size_t place = 0; place < segments.size(); ++place) {
        if (is_variable(segments[place])) {
            made->variables.emplace_back(variable_name(segments[place]));
            made->places.push_back(place);
        }
    }
    of.route = std::move(made);
}

std::vector<std::string> route_claims::others() const {
    std::vector<std::string> names;
    const presence how = services_.begin()->first.first;
    for (auto next = std::next(services_.begin()); next != services_.end(); ++next) {
        if (next->first.first == how) {
            names.push_back(next->first.second);
        }
    }
    return names;
}

} // namespace msd::core
