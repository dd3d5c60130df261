// SPDX-License-Identifier: Apache-2.0
#include "core/route_claims.hpp"

#include "core/path_patterns.hpp"

#include <cassert>

namespace msd::core {

bool route_claims::add(const claimant& by, const terms& claimed) {
    const bool had_others = !services_.empty() && services_.begin()->first.first == by.how;
    const auto [place, is_new] = services_.try_emplace(key{by.how, by.service});
    counts& of = place->second;
    ++of.claims;
    of.one_way += claimed.one_way ? 1 : 0;
    of.wants_client += claimed.wants_client ? 1 : 0;
    auto known = of.patterns.find(claimed.pattern);
    if (known == of.patterns.end()) {
        known = of.patterns.emplace(claimed.pattern, 0).first;
    }
    ++known->second;
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
    const auto known = of.patterns.find(claimed.pattern);
    assert(known != of.patterns.end());
    if (--known->second == 0) {
        of.patterns.erase(known);
    }
}

void route_claims::renew(std::string_view method) {
    assert(!services_.empty());
    const auto& [first, of] = *services_.begin();
    const std::string& pattern = of.patterns.begin()->first;
    const bool one_way = of.one_way > 0;
    const bool wants_client = of.wants_client > 0;
    if (current_ && current_->service == first.second && current_->one_way == one_way &&
        current_->wants_client == wants_client && current_->pattern == pattern) {
        return;
    }
    auto made = std::make_shared<service_route>();
    made->method = method;
    made->pattern = pattern;
    made->service = first.second;
    made->one_way = one_way;
    made->wants_client = wants_client;
    const path_segments segments{pattern};
    for (std::size_t place = 0; place < segments.size(); ++place) {
        if (is_variable(segments[place])) {
            made->variables.emplace_back(variable_name(segments[place]));
            made->places.push_back(place);
        }
    }
    current_ = std::move(made);
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
