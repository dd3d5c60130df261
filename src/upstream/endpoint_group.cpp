// SPDX-License-Identifier: Apache-2.0
#include "upstream/endpoint_group.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace msd::upstream {

namespace {

using namespace core::resilience; // NOLINT(google-build-using-namespace): the policies' own words

constexpr std::chrono::seconds refreshed_every{1};

// An endpoint that has never replied has done so now.
void note_proof(endpoint_cell& cell) {
    if (cell.is_proven.load(std::memory_order_relaxed) == 0) {
        cell.is_proven.store(1, std::memory_order_relaxed);
    }
}

bool has_proof(const endpoint_cell& cell) {
    return cell.is_proven.load(std::memory_order_relaxed) != 0;
}

// Whether the endpoint has taken the time of a try, or has let it pass.
bool is_replied(try_result result) {
    return is_good(result) || result == try_result::server_error ||
           result == try_result::gateway_error || result == try_result::timed_out;
}

std::uint64_t random_seed() {
    std::random_device source;
    return source() | std::uint64_t{source()} << 32;
}

} // namespace

endpoint_group::endpoint_group(
    std::string service,
    const service_settings& settings,
    std::shared_ptr<service_claim> of_service,
    policy_meters& counts,
    std::uint32_t own_zone
)
    : service_{std::move(service)},
      settings_{settings},
      of_service_{std::move(of_service)},
      own_zone_{own_zone},
      counts_{counts},
      balancer_{settings.balance, own_zone, settings.starting},
      random_{random_seed()} {}

std::uint32_t endpoint_group::zone_of(std::string_view name) {
    return name.empty() ? 0 : std::max(1U, static_cast<std::uint32_t>(keyed_hash({}, name)));
}

std::uint64_t endpoint_group::token_of(std::string_view service, std::string_view address) {
    std::string name{service};
    name.append(" ").append(address);
    return std::max<std::uint64_t>(1, keyed_hash({}, name));
}

void endpoint_group::assign(
    std::vector<endpoint> all,
    const service_settings& settings,
    time_point now
) {
    if (settings.balance != settings_.balance ||
        settings.starting.length != settings_.starting.length) {
        balancer_ = balancer{settings.balance, own_zone_, settings.starting};
    }
    settings_ = settings;
    // An endpoint that is new beside others begins slowly.
    const bool are_others_proven =
        std::ranges::any_of(all, [](const endpoint& each) { return has_proof(*each.claim->cell); });
    for (const endpoint& each : all) {
        endpoint_cell& cell = *each.claim->cell;
        std::uint64_t none = 0;
        if (!has_proof(cell) && are_others_proven) {
            cell.started_ms.compare_exchange_strong(none, ms_of(now), std::memory_order_relaxed);
        }
    }
    for (endpoint& each : all) {
        each.token = token_of(service_, each.address);
    }
    endpoints_ = std::move(all);
    if (endpoints_.size() > endpoint_set::endpoints_max) {
        endpoints_.resize(endpoint_set::endpoints_max);
    }
    meters_.assign(endpoints_.size(), {});
    update_entries(now);
}

// Reads the states of all endpoints.
void endpoint_group::update_entries(time_point now) {
    std::vector<endpoint_entry> entries;
    entries.reserve(endpoints_.size());
    states_.clear();
    for (const endpoint& each : endpoints_) {
        entries.push_back(entry_of(each, now));
        states_.push_back(&each.claim->cell->state);
    }
    balancer_.assign(std::move(entries));
}

endpoint_entry endpoint_group::entry_of(const endpoint& from, time_point now) const {
    endpoint_cell& cell = *from.claim->cell;
    const ejection_phase phase =
        settings_.ejects() ? cell.state.phase(now) : ejection_phase::in_service;
    const health checked = settings_.check.is_on() ? cell.checks.now() : health::unknown;
    const std::uint64_t started = cell.started_ms.load(std::memory_order_relaxed);
    endpoint_entry made;
    made.load = &cell.load;
    made.token = from.token;
    made.weight = from.weight;
    made.zone = from.zone;
    made.started_at = started == 0 ? time_point{} : time_of_ms(started);
    made.is_ejected = phase == ejection_phase::ejected || checked == health::unhealthy;
    made.is_refusing = phase == ejection_phase::refusing || checked == health::unreachable;
    return made;
}

ejection_scope endpoint_group::scope() const {
    return {of_service_->cell->ejections, states_};
}

void endpoint_group::refresh(time_point now) {
    const std::uint64_t changes =
        of_service_->cell->ejections.changes.load(std::memory_order_relaxed);
    const bool is_due = now - refreshed_ >= refreshed_every;
    if (changes == changes_seen_ && !is_due) {
        return;
    }
    changes_seen_ = changes;
    if (is_due) {
        refreshed_ = now;
        if (settings_.ejects()) {
            for (const std::size_t ejected :
                 evaluate_success_rates(scope(), settings_.outlier, now)) {
                count_ejection(ejected, "success_rate");
            }
        }
    }
    const auto& entries = balancer_.endpoints().entries();
    for (std::size_t index = 0; index < endpoints_.size(); ++index) {
        const endpoint_entry fresh = entry_of(endpoints_[index], now);
        const endpoint_entry& known = entries[index];
        if (fresh.load != known.load || fresh.is_ejected != known.is_ejected ||
            fresh.is_refusing != known.is_refusing || fresh.started_at != known.started_at) {
            update_entries(now);
            return;
        }
    }
}

bool endpoint_group::has_room(std::uint32_t index) const {
    const shared_count& held = endpoints_[index].claim->cell->load.in_flight;
    return requests_in(held) < settings_.bulkhead.per_endpoint;
}

// An endpoint that has not replied yet holds one request at a time, and none holds more than its
// part of the bulkhead.
bool endpoint_group::may_take(std::uint32_t index) const {
    const endpoint_cell& cell = *endpoints_[index].claim->cell;
    return has_room(index) && (has_proof(cell) || requests_in(cell.load.in_flight) == 0);
}

endpoint_group::choice endpoint_group::chosen_at(std::uint32_t index) const {
    return {index, false, !has_proof(*endpoints_[index].claim->cell)};
}

std::optional<endpoint_group::choice> endpoint_group::choose_probe(const wish& request) {
    if (!request.may_probe || !request.tried.empty()) {
        return std::nullopt;
    }
    const auto index = balancer_.next_ejected();
    if (!index || !states_[*index]->take_probe(settings_.outlier, request.now)) {
        return std::nullopt;
    }
    return choice{*index, true};
}

std::optional<endpoint_group::choice> endpoint_group::choose(const wish& request) {
    if (endpoints_.size() > 1) {
        refresh(request.now);
        if (const auto probe = choose_probe(request)) {
            return probe;
        }
    }
    return choose_with({balancer_, random_, tried_}, request);
}

std::optional<endpoint_group::choice>
endpoint_group::choose_with(const choice_state& state, const wish& request) const {
    choice_request wanted;
    wanted.now = request.now;
    wanted.hash = request.hash;
    wanted.in_flight = static_cast<std::uint32_t>(requests_in(of_service_->cell->requests.running));
    wanted.tried = request.tried;
    auto index = state.balancer.choose(wanted, state.random);
    if (index && may_take(*index)) {
        return chosen_at(*index);
    }
    const auto first = index;
    state.tried.assign(request.tried.begin(), request.tried.end());
    for (std::uint32_t again = 0; index && again < rechoices_max; ++again) {
        state.tried.push_back(*index);
        wanted.tried = state.tried;
        index = state.balancer.choose(wanted, state.random);
        if (index && !state.balancer.endpoints().takes_requests(*index)) {
            break; // one that fails is no place for what others have no room for
        }
        if (index && may_take(*index)) {
            return chosen_at(*index);
        }
    }
    if (!first) {
        return std::nullopt;
    }
    const endpoint_set& set = state.balancer.endpoints();
    const auto first_that = [&](auto may) -> std::optional<std::uint32_t> {
        const auto fits = [&](std::uint32_t each) {
            return std::ranges::find(request.tried, each) == request.tried.end() &&
                   (this->*may)(each);
        };
        const auto active =
            std::ranges::find_if(set.active(), fits, &endpoint_set::active_endpoint::index);
        if (active != set.active().end()) {
            return active->index;
        }
        const auto spare = std::ranges::find_if(set.spare(), fits);
        return spare != set.spare().end() ? std::optional{*spare} : std::nullopt;
    };
    if (const auto found = first_that(&endpoint_group::may_take)) {
        return chosen_at(*found);
    }
    // Those that proved themselves are full, or none has done so: new ones get more than one.
    const auto found = has_room(*first) ? first : first_that(&endpoint_group::has_room);
    return found ? std::optional{choice{*found, false}} : std::nullopt;
}

endpoint_try endpoint_group::begin(const choice& chosen, time_point now) {
    endpoint_try made;
    made.claim = endpoints_[chosen.index].claim;
    made.total = &made.claim->cell->load.in_flight;
    made.part = made.claim->part;
    made.index = chosen.index;
    made.began = now;
    made.is_probe = chosen.is_probe;
    made.is_counted = true;
    if (!chosen.is_first) {
        begin_request(*made.total, *made.part);
    } else if (!begin_request_below(1, *made.total, *made.part)) {
        return {};
    }
    return made;
}

void endpoint_group::note_head(const endpoint_try& tried) {
    if (tried.is_open()) {
        note_proof(*tried.claim->cell);
    }
}

void endpoint_group::release(endpoint_try& tried) {
    if (tried.is_open() && std::exchange(tried.is_counted, false)) {
        end_request(*tried.total, *tried.part);
        const bool is_listed =
            tried.index < endpoints_.size() && endpoints_[tried.index].claim == tried.claim;
        if (is_listed) {
            balancer_.ended(tried.index);
        }
    }
}

void endpoint_group::end(endpoint_try& tried, try_result result, time_point now) {
    if (!tried.is_open()) {
        return;
    }
    endpoint_cell& cell = *tried.claim->cell;
    if (is_good(result)) {
        note_proof(cell); // before the count: a worker can be killed in between
    }
    release(tried);
    const auto claim = std::exchange(tried.claim, nullptr);
    const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(now - tried.began);
    cell.load.observe(result, tried.latency.count() > 0 ? tried.latency : whole, now);
    const bool is_listed =
        tried.index < endpoints_.size() && endpoints_[tried.index].claim == claim;
    if (!is_listed) {
        return;
    }
    if (is_replied(result)) {
        meters_of(tried.index).tries.note(tried.latency.count() > 0 ? tried.latency : whole);
    }
    if (!settings_.ejects() || endpoints_.size() < 2) {
        return; // there is no other endpoint to which requests could go
    }
    const auto change = observe(scope(), cell.state, {result, tried.began, now}, settings_.outlier);
    if (change == ejection_change::returned) {
        cell.load.latency.clear(); // that of its failures says nothing about it now
        cell.started_ms.store(ms_of(now), std::memory_order_relaxed);
    }
    if (change == ejection_change::ejected || change == ejection_change::refused) {
        count_ejection(
            tried.index,
            change == ejection_change::refused ? "connection_refused" : "consecutive_errors"
        );
    }
    if (change != ejection_change::none) {
        report(tried.index, change);
        refresh(now);
    }
}

void endpoint_group::report(std::uint32_t index, ejection_change change) const {
    const std::string& address = endpoints_[index].address;
    switch (change) {
    case ejection_change::ejected:
        log::warning("{}: {} is ejected: its last tries failed", service_, address);
        break;
    case ejection_change::refused:
        log::warning("{}: {} is ejected: it refuses connections", service_, address);
        break;
    case ejection_change::returned:
        log::info("{}: {} answers again", service_, address);
        break;
    case ejection_change::none:
        break;
    }
}

bool endpoint_group::is_outlier(const endpoint_try& tried, time_point now) const {
    return tried.is_open() && tried.index < states_.size() &&
           endpoints_[tried.index].claim == tried.claim &&
           do_others_answer(scope(), tried.claim->cell->state, now);
}

time_point endpoint_group::check_due(std::size_t index, time_point now) const {
    return settings_.check.is_on() ? endpoints_[index].claim->cell->checks.due(settings_.check, now)
                                   : time_point::max();
}

bool endpoint_group::take_check(std::size_t index, time_point now) {
    return endpoints_[index].claim->cell->checks.take(settings_.check, now, random_.unit());
}

void endpoint_group::note_check(
    std::size_t index,
    const check_result& result,
    time_point began,
    time_point now
) {
    endpoint_cell& cell = *endpoints_[index].claim->cell;
    const std::string& address = endpoints_[index].address;
    const health before = cell.checks.now();
    const health_change change = cell.checks.observe(result.what, settings_.check);
    if (result.what == health::healthy && result.is_proof) {
        note_proof(cell);
    }
    if (result.what == health::healthy && settings_.ejects() && endpoints_.size() > 1) {
        const auto returned = note_accepted(
            scope(),
            cell.state,
            {try_result::succeeded, began, now},
            settings_.outlier
        );
        if (returned == ejection_change::returned) {
            cell.load.latency.clear();
            cell.started_ms.store(ms_of(now), std::memory_order_relaxed);
            log::info("{}: {} accepts connections again", service_, address);
        }
    }
    if (change == health_change::rose) {
        cell.load.latency.clear();
        cell.started_ms.store(ms_of(now), std::memory_order_relaxed);
        log::info("{}: {} is healthy again", service_, address);
    } else if (change == health_change::fell) {
        log::warning("{}: {} is unhealthy: {}", service_, address, result.why);
    }
    if (cell.checks.now() != before) {
        of_service_->cell->ejections.changes.fetch_add(1, std::memory_order_release);
    }
    refresh(now);
}

bool endpoint_group::has_other(std::span<const std::uint32_t> tried) const {
    const auto is_left = [tried](std::uint32_t index) {
        return std::ranges::find(tried, index) == tried.end();
    };
    const endpoint_set& set = balancer_.endpoints();
    return std::ranges::any_of(set.active(), is_left, &endpoint_set::active_endpoint::index) ||
           std::ranges::any_of(set.spare(), is_left);
}

} // namespace msd::upstream
