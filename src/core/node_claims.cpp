// SPDX-License-Identifier: Apache-2.0
#include "core/node_claims.hpp"

#include "wire/packet.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace msd::core {

namespace {

bool has_same_urls(const node_description& one, const node_description& other) {
    return one.foreign == other.foreign && one.msd.empty() == other.msd.empty();
}

// Smaller is stronger.
auto rank(const node_claims::claim& of) {
    return std::tuple{of.holders == 0, of.proven == 0, of.since, !of.what->has_routes};
}

std::size_t bytes_of(const node_description& of) {
    return of.foreign.size() + of.msd.size();
}

} // namespace

node_description describe(const node_info& node) {
    node_description made;
    made.foreign = foreign_entry(node);
    made.msd = node.proto >= wire::protocol_version ? msd_entry(node) : "";
    made.routes = std::max(node.urls.size(), node.routes.size());
    made.has_routes = !node.routes.empty() || node.is_http();
    return made;
}

bool contradicts(const node_description& listed, const node_description& other) {
    const bool has_same_routes = !listed.has_routes || !other.has_routes || listed.msd == other.msd;
    return !has_same_urls(listed, other) || !has_same_routes;
}

std::size_t node_claims::match(const node_description& described) const {
    std::size_t best = none;
    for (std::size_t place = 0; place < claims_.size(); ++place) {
        const node_description& known = *claims_[place].what;
        if (known == described) {
            return place;
        }
        const bool belongs = !described.has_routes && has_same_urls(known, described);
        if (belongs && (best == none || rank(claims_[place]) < rank(claims_[best]))) {
            best = place;
        }
    }
    return best;
}

std::size_t node_claims::find(const node_description* what) const {
    const auto found = std::find_if(claims_.begin(), claims_.end(), [what](const claim& each) {
        return each.what.get() == what;
    });
    return found == claims_.end() ? none : static_cast<std::size_t>(found - claims_.begin());
}

std::size_t node_claims::strongest() const {
    const auto best =
        std::min_element(claims_.begin(), claims_.end(), [](const claim& one, const claim& other) {
            return rank(one) < rank(other);
        });
    const bool is_held = best != claims_.end() && best->holders > 0;
    return is_held ? static_cast<std::size_t>(best - claims_.begin()) : none;
}

bool node_claims::has_contradiction(const node_description& listed) const {
    return std::any_of(claims_.begin(), claims_.end(), [&listed](const claim& each) {
        return each.holders > 0 && contradicts(listed, *each.what);
    });
}

std::size_t node_claims::add(claim&& made) {
    claims_.push_back(std::move(made));
    return claims_.size() - 1;
}

void node_claims::expire(time_point now, const node_description* listed) {
    std::erase_if(claims_, [&](const claim& each) {
        return each.holders == 0 && each.until <= now && each.what.get() != listed;
    });
}

void node_claims::remove(std::size_t place) {
    claims_.erase(claims_.begin() + static_cast<std::ptrdiff_t>(place));
}

room_use node_claims::use() const {
    room_use most;
    for (const claim& each : claims_) {
        most.entries = 1;
        most.foreign_bytes = std::max(most.foreign_bytes, each.what->foreign.size());
        most.msd_bytes = std::max(most.msd_bytes, each.what->msd.size());
        most.routes = std::max(most.routes, each.what->routes);
    }
    for (std::size_t place = 1; place < claims_.size(); ++place) {
        most.extra_bytes += bytes_of(*claims_[place].what);
    }
    return most;
}

room_use node_claims::use_of(std::size_t place) const {
    const node_description& what = *claims_[place].what;
    const bool is_extra = place > 0;
    return {
        is_extra ? std::size_t{0} : std::size_t{1},
        what.foreign.size(),
        what.msd.size(),
        what.routes,
        is_extra ? bytes_of(what) : std::size_t{0},
    };
}

} // namespace msd::core
