// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/balance/balancer.hpp"

#include <array>
#include <utility>

namespace msd::core::resilience {

namespace {

constexpr std::array<std::pair<std::string_view, balance_policy>, 6> names{{
    {"p2c", balance_policy::p2c},
    {"round-robin", balance_policy::round_robin},
    {"least-requests", balance_policy::least_requests},
    {"random", balance_policy::random},
    {"hash", balance_policy::hash},
    {"sticky", balance_policy::sticky},
}};

} // namespace

std::optional<balance_policy> balance_policy_of(std::string_view name) {
    for (const auto& [known, policy] : names) {
        if (known == name) {
            return policy;
        }
    }
    return std::nullopt;
}

std::string_view name_of(balance_policy policy) {
    for (const auto& [name, known] : names) {
        if (known == policy) {
            return name;
        }
    }
    return {};
}

balancer::balancer(balance_policy policy, std::uint32_t own_zone, ramp starting)
    : policy_{policy},
      set_{own_zone, starting} {
    switch (policy) {
    case balance_policy::p2c:
    case balance_policy::sticky: // new clients are spread as by p2c
        break;
    case balance_policy::round_robin:
        chooser_.emplace<round_robin>();
        break;
    case balance_policy::least_requests:
        chooser_.emplace<least_requests>();
        break;
    case balance_policy::random:
        chooser_.emplace<weighted_random>();
        break;
    case balance_policy::hash:
        chooser_.emplace<consistent_hash>();
        break;
    }
    rebuild();
}

void balancer::assign(std::vector<endpoint_entry> entries) {
    set_.assign(std::move(entries));
    rebuild();
}

void balancer::change(std::uint32_t index, const endpoint_entry& entry) {
    set_.change(index, entry);
    rebuild();
}

void balancer::rebuild() {
    std::visit([this](auto& chooser) { chooser.rebuild(set_); }, chooser_);
}

std::optional<std::uint32_t>
balancer::choose(const choice_request& request, random_generator& random) {
    if (policy_ == balance_policy::sticky && request.hash != 0) {
        const auto own = set_.with_token(request.hash);
        // A client stays with its endpoint across zones and in the slow start.
        if (own && !endpoint_set::was_tried(request, *own)) {
            const endpoint_entry& entry = set_.entries()[*own];
            if (set_.is_active(*own) || (!entry.is_ejected && !entry.is_refusing)) {
                return own;
            }
        }
    }
    return std::visit(
        [&](auto& chooser) { return chooser.choose(set_, request, random); },
        chooser_
    );
}

void balancer::ended(std::uint32_t index) {
    std::visit([&](auto& chooser) { chooser.ended(set_, index); }, chooser_);
}

} // namespace msd::core::resilience
