// SPDX-License-Identifier: Apache-2.0
// What endpoint_group reports: its metrics, and what explanations show.
#include "upstream/endpoint_group.hpp"

namespace msd::upstream {

namespace {

using namespace core::resilience; // NOLINT(google-build-using-namespace): the policies' own words

} // namespace

endpoint_group::endpoint_meters& endpoint_group::meters_of(std::size_t index) {
    endpoint_meters& its = meters_[index];
    if (!its.is_found) {
        const std::string& address = endpoints_[index].address;
        its.is_found = true;
        its.tries = counts_.durations_of(core::metric::upstream_try_duration, {service_, address});
        its.ejected = counts_.cell_of(core::metric::outlier_ejected, {service_, address});
        its.in_flight =
            counts_.cell_of(core::metric::upstream_requests_in_flight, {service_, address});
    }
    return its;
}

void endpoint_group::count_ejection(std::size_t index, std::string_view reason) {
    const std::string& address = endpoints_[index].address;
    counts_.cell_of(core::metric::outlier_ejections, {service_, address, reason}).add();
}

void endpoint_group::note_states() {
    const auto& entries = balancer_.endpoints().entries();
    for (std::size_t index = 0; index < entries.size(); ++index) {
        const endpoint_entry& entry = entries[index];
        const bool is_out = entry.is_ejected || entry.is_refusing;
        if (!is_out && !meters_[index].is_found) {
            continue;
        }
        const endpoint_meters& its = meters_of(index);
        counts_.note(its.ejected, is_out ? 1 : 0);
        counts_.note(its.in_flight, static_cast<std::uint64_t>(requests_in(entry.load->in_flight)));
    }
}

endpoint_group::facts endpoint_group::look_at(std::uint32_t index, time_point now) const {
    const endpoint_cell& cell = *endpoints_[index].claim->cell;
    const endpoint_set& set = balancer_.endpoints();
    const endpoint_entry& entry = set.entries()[index];
    facts made;
    made.is_active = set.is_active(index);
    made.is_out = entry.is_ejected || entry.is_refusing;
    made.is_refusing = entry.is_refusing;
    made.phase = settings_.ejects() ? cell.state.phase(now) : ejection_phase::in_service;
    made.out_until = made.phase == ejection_phase::in_service ? time_point{} : cell.state.until();
    made.is_proven = cell.is_proven.load(std::memory_order_relaxed) != 0;
    made.is_own_zone = own_zone_ != 0 && endpoints_[index].zone == own_zone_;
    made.in_flight = requests_in(cell.load.in_flight);
    made.is_full = made.in_flight >= settings_.bulkhead.per_endpoint;
    made.share = set.share(index, now);
    made.latency_us = cell.load.latency.value_us();
    made.score = static_cast<double>(power_of_two::score(set, index, 0, now));
    return made;
}

std::optional<endpoint_group::choice> endpoint_group::would_choose(const wish& request) const {
    std::vector<endpoint_load> loads(endpoints_.size());
    balancer copy = balancer_;
    copy.detach(loads);
    random_generator random = random_;
    std::vector<std::uint32_t> tried;
    return choose_with({copy, random, tried}, request);
}

} // namespace msd::upstream
