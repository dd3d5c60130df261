// SPDX-License-Identifier: Apache-2.0
// What service_guard reports: its metrics, and the states of breakers in the log.
#include "base/log.hpp"
#include "upstream/service_guard.hpp"

#include <algorithm>
#include <utility>

namespace msd::upstream {

namespace {

using namespace core::resilience; // NOLINT(google-build-using-namespace): the policies' own words

// As msd_breaker_state has it.
std::uint64_t number_of(breaker_phase phase) {
    switch (phase) {
    case breaker_phase::closed:
        return 0;
    case breaker_phase::half_open:
        return 1;
    case breaker_phase::open:
        return 2;
    }
    return 0;
}

} // namespace

void service_guard::count_retry(std::string_view reason) {
    auto known = retries_.find(reason);
    if (known == retries_.end()) {
        const auto cell = meters().cell_of(core::metric::upstream_retries, {service_, reason});
        known = retries_.emplace(reason, cell).first;
    }
    known->second.add();
}

void service_guard::note_states(time_point now) {
    for (const auto& [name, of] : routes_) {
        meters().note(of->state, number_of(of->breaker->cell->phase(now)));
    }
    const bulkhead_counts& requests = claim_->cell->requests;
    meters().note(running_, static_cast<std::uint64_t>(requests_in(requests.running)));
    meters().note(waits_, static_cast<std::uint64_t>(requests_in(requests.waiting)));
}

const service_guard::route_name* service_guard::name_of(const route& of) const {
    const auto found =
        std::ranges::find_if(routes_, [&of](const auto& each) { return each.second.get() == &of; });
    return found == routes_.end() ? nullptr : &found->first;
}

void service_guard::count_transition(const route& of, std::string_view to) {
    const route_name* const name = name_of(of);
    std::string label = name == nullptr ? std::string{} : name->first + name->second;
    label = label.empty() ? "other" : std::move(label);
    meters().cell_of(core::metric::breaker_transitions, {service_, label, to}).add();
}

void service_guard::report_breaker(const route& of, breaker_phase before, time_point now) {
    const breaker_phase after = of.breaker->cell->phase(now);
    if (before == after || settings_.breaker.mode == breaker_mode::off) {
        return;
    }
    const route_name* const found = name_of(of);
    const route_name name = found == nullptr ? route_name{} : *found;
    const std::string_view mode =
        settings_.breaker.mode == breaker_mode::observe ? " (it only observes)" : "";
    if (after == breaker_phase::open) {
        count_transition(of, "open");
        log::warning(
            "{} {}{}: the breaker is open{}: too many failures",
            service_,
            name.first,
            name.second,
            mode
        );
    } else if (after == breaker_phase::closed) {
        count_transition(of, "closed");
        log::info(
            "{} {}{}: the breaker is closed again{}",
            service_,
            name.first,
            name.second,
            mode
        );
    }
}

service_guard::route_facts
service_guard::look_at(std::string_view method, std::string_view of_route) const {
    route_facts facts;
    const auto found = routes_.find(route_view{method, of_route});
    if (found == routes_.end()) {
        std::string text{method};
        text.append(of_route);
        facts.breaker = cells_.look_at_breaker(service_, text);
        return facts;
    }
    constexpr unsigned middle = 50;
    constexpr unsigned slowest = 99;
    facts.breaker = found->second->breaker->cell;
    facts.p50 = found->second->latencies.percentile(middle);
    facts.p99 = found->second->latencies.percentile(slowest);
    return facts;
}

} // namespace msd::upstream
