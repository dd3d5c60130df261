// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/ejection.hpp"

#include "core/resilience/phase_state.hpp"

#include <algorithm>
#include <cmath>

namespace msd::core::resilience {

namespace {

constexpr std::uint64_t percent = 100;
// When 5xx of an endpoint count: the others have answered well.
constexpr std::uint64_t others_requests_min = 20;
constexpr std::uint64_t others_failed_percent_max = 10;
constexpr std::uint32_t doublings_max = 8;

// The time of a state is the end of an ejection, or the end of the last one.
using ejection_state = phase_state<ejection_phase>;

milliseconds length_of(const ejection_state& state, const ejection_settings& settings) {
    return state.phase == ejection_phase::refusing
               ? settings.eject_max
               : std::min(settings.eject_max, settings.eject * std::max(state.times, 1U));
}

bool is_out(const ejection_state& state, time_point now) {
    const std::uint64_t now_ms = ms_of(now);
    // A state whose end is further away than any ejection lasts was written by no worker.
    constexpr auto longest = static_cast<std::uint64_t>(ejection_settings::eject_longest.count());
    return state.phase != ejection_phase::in_service && now_ms < state.at_ms &&
           state.at_ms - now_ms <= longest;
}

bool has_room_for_one_more(
    const ejection_scope& scope,
    const ejection_settings& settings,
    time_point now
) {
    std::uint64_t ejected = 0;
    for (const ejection* const endpoint : scope.endpoints) {
        ejected += endpoint->phase(now) == ejection_phase::ejected ? 1 : 0;
    }
    return (ejected + 1) * percent <= scope.endpoints.size() * settings.ejected_percent_max;
}

void announce(const ejection_scope& scope) {
    scope.group.changes.fetch_add(1, std::memory_order_release);
}

std::uint64_t after_ms(time_point now, milliseconds span) {
    return ms_of(now) + static_cast<std::uint64_t>(span.count());
}

ejection_change eject(
    const ejection_scope& scope,
    ejection& endpoint,
    const ejection_settings& settings,
    time_point now
) {
    std::uint64_t cell = endpoint.state.load(std::memory_order_relaxed);
    ejection_state state = ejection_state::unpack(cell);
    if (is_out(state, now) || !has_room_for_one_more(scope, settings, now)) {
        return ejection_change::none;
    }
    const std::uint64_t forgotten_ms =
        state.at_ms + static_cast<std::uint64_t>(settings.eject_max.count());
    const std::uint32_t times = ms_of(now) < forgotten_ms ? state.times : 0;
    state = {ejection_phase::ejected, std::min(times + 1, ejection_state::times_max), 0, 0};
    state.at_ms = after_ms(now, length_of(state, settings));
    endpoint.next_probe_ms.store(after_ms(now, settings.probe_every), std::memory_order_relaxed);
    // Another worker that ejects at the same time has the same reason.
    if (!endpoint.state.compare_exchange_strong(cell, state.pack(), std::memory_order_release)) {
        return ejection_change::none;
    }
    // When it comes back, one more error ejects it again, until its first good reply.
    endpoint.errors.store(settings.consecutive - 1, std::memory_order_relaxed);
    announce(scope);
    return ejection_change::ejected;
}

ejection_change refuse(
    const ejection_scope& scope,
    ejection& endpoint,
    const ejection_settings& settings,
    time_point now
) {
    std::uint64_t cell = endpoint.state.load(std::memory_order_relaxed);
    ejection_state state = ejection_state::unpack(cell);
    const bool is_known = state.phase == ejection_phase::refusing && is_out(state, now);
    if (!is_known) {
        endpoint.refused_probes.store(0, std::memory_order_relaxed);
        endpoint.next_probe_ms.store(
            after_ms(now, settings.refused_probe_first),
            std::memory_order_relaxed
        );
    }
    state = {ejection_phase::refusing, state.times, 0, after_ms(now, settings.eject_max)};
    if (!endpoint.state.compare_exchange_strong(cell, state.pack(), std::memory_order_release)) {
        return ejection_change::none;
    }
    if (is_known) {
        return ejection_change::none;
    }
    announce(scope);
    return ejection_change::refused;
}

// A good reply from an endpoint that is out of service.
ejection_change count_good_reply(
    const ejection_scope& scope,
    ejection& endpoint,
    const observed_try& tried,
    const ejection_settings& settings
) {
    std::uint64_t cell = endpoint.state.load(std::memory_order_relaxed);
    ejection_state state = ejection_state::unpack(cell);
    const auto length = static_cast<std::uint64_t>(length_of(state, settings).count());
    const std::uint64_t ejected_ms = state.at_ms > length ? state.at_ms - length : 0;
    if (!is_out(state, tried.ended) || ms_of(tried.began) < ejected_ms) {
        return ejection_change::none;
    }
    ++state.good;
    const bool returns =
        state.phase == ejection_phase::refusing || state.good >= settings.good_replies;
    if (returns) {
        state = {ejection_phase::in_service, 0, 0, ms_of(tried.ended)};
    }
    if (!endpoint.state.compare_exchange_strong(cell, state.pack(), std::memory_order_release) ||
        !returns) {
        return ejection_change::none; // a reply that loses this race is not counted
    }
    endpoint.errors.store(0, std::memory_order_relaxed);
    endpoint.replies.clear();
    announce(scope);
    return ejection_change::returned;
}

void forget_good_replies(ejection& endpoint) {
    std::uint64_t cell = endpoint.state.load(std::memory_order_relaxed);
    ejection_state state = ejection_state::unpack(cell);
    if (state.phase == ejection_phase::ejected && state.good != 0) {
        state.good = 0;
        endpoint.state.compare_exchange_strong(cell, state.pack(), std::memory_order_relaxed);
    }
}

} // namespace

ejection_phase ejection::phase(time_point now) const {
    const ejection_state read = ejection_state::unpack(state.load(std::memory_order_acquire));
    return is_out(read, now) ? read.phase : ejection_phase::in_service;
}

time_point ejection::until() const {
    const ejection_state read = ejection_state::unpack(state.load(std::memory_order_acquire));
    return read.phase == ejection_phase::in_service ? time_point{} : time_of_ms(read.at_ms);
}

std::uint32_t ejection::times() const {
    return ejection_state::unpack(state.load(std::memory_order_acquire)).times;
}

bool ejection::take_probe(const ejection_settings& settings, time_point now) {
    const ejection_phase current = phase(now);
    if (current == ejection_phase::in_service) {
        return false;
    }
    milliseconds every = settings.probe_every;
    std::uint32_t probes = 0;
    if (current == ejection_phase::refusing) {
        probes = std::min(refused_probes.load(std::memory_order_relaxed) + 1, doublings_max);
        every = std::min(settings.refused_probe_max, settings.refused_probe_first * (1 << probes));
    }
    std::uint64_t due_ms = next_probe_ms.load(std::memory_order_relaxed);
    const std::uint64_t now_ms = ms_of(now);
    // A time that is further away than any pause was written by no worker.
    const auto longest = static_cast<std::uint64_t>(
        std::max(settings.probe_every, settings.refused_probe_max).count()
    );
    if (now_ms < due_ms && due_ms - now_ms <= longest) {
        return false;
    }
    if (!next_probe_ms
             .compare_exchange_strong(due_ms, after_ms(now, every), std::memory_order_relaxed)) {
        return false;
    }
    refused_probes.store(probes, std::memory_order_relaxed);
    return true;
}

void ejection::clear() {
    state.store(0, std::memory_order_relaxed);
    next_probe_ms.store(0, std::memory_order_relaxed);
    errors.store(0, std::memory_order_relaxed);
    refused_probes.store(0, std::memory_order_relaxed);
    replies.clear();
}

bool do_others_answer(const ejection_scope& scope, const ejection& endpoint, time_point now) {
    std::uint64_t all = 0;
    std::uint64_t failed = 0;
    for (const ejection* const other : scope.endpoints) {
        if (other != &endpoint) {
            const auto [replies, failures] = other->replies.sums(now);
            all += replies;
            failed += failures;
        }
    }
    return all >= others_requests_min && failed * percent <= all * others_failed_percent_max;
}

ejection_change observe(
    const ejection_scope& scope,
    ejection& endpoint,
    const observed_try& tried,
    const ejection_settings& settings
) {
    const time_point now = tried.ended;
    if (tried.result == try_result::connection_refused) {
        endpoint.replies.add({1, 1}, now);
        return refuse(scope, endpoint, settings, now);
    }
    if (is_good(tried.result)) {
        endpoint.replies.add({1, 0}, now);
        if (endpoint.errors.load(std::memory_order_relaxed) != 0) {
            endpoint.errors.store(0, std::memory_order_relaxed);
        }
        if (endpoint.phase(now) != ejection_phase::in_service) {
            return count_good_reply(scope, endpoint, tried, settings);
        }
        return ejection_change::none;
    }
    if (!is_failure(tried.result)) {
        return ejection_change::none;
    }
    endpoint.replies.add({1, 1}, now);
    if (endpoint.phase(now) != ejection_phase::in_service) {
        forget_good_replies(endpoint);
        return ejection_change::none;
    }
    const std::uint32_t errors = endpoint.errors.fetch_add(1, std::memory_order_relaxed) + 1;
    if (errors < settings.consecutive ||
        (tried.result == try_result::server_error && !do_others_answer(scope, endpoint, now))) {
        return ejection_change::none;
    }
    return eject(scope, endpoint, settings, now);
}

ejection_change note_accepted(
    const ejection_scope& scope,
    ejection& endpoint,
    const observed_try& check,
    const ejection_settings& settings
) {
    return endpoint.phase(check.ended) == ejection_phase::refusing
               ? count_good_reply(scope, endpoint, check, settings)
               : ejection_change::none;
}

std::vector<std::size_t> evaluate_success_rates(
    const ejection_scope& scope,
    const ejection_settings& settings,
    time_point now
) {
    std::uint64_t due_ms = scope.group.next_evaluation_ms.load(std::memory_order_relaxed);
    const auto every = static_cast<std::uint64_t>(settings.evaluate_every.count());
    if ((ms_of(now) < due_ms && due_ms - ms_of(now) <= every) ||
        !scope.group.next_evaluation_ms.compare_exchange_strong(due_ms, ms_of(now) + every)) {
        return {};
    }
    std::size_t counted = 0;
    double sum = 0;
    double squares = 0;
    const auto rate_of = [&](const ejection& endpoint) {
        const auto [all, failed] = endpoint.replies.sums(now);
        const bool is_counted = all >= settings.requests_min && failed <= all &&
                                endpoint.phase(now) == ejection_phase::in_service;
        return is_counted ? 1 - static_cast<double>(failed) / static_cast<double>(all) : -1;
    };
    for (const ejection* const endpoint : scope.endpoints) {
        const double rate = rate_of(*endpoint);
        if (rate >= 0) {
            ++counted;
            sum += rate;
            squares += rate * rate;
        }
    }
    if (counted < settings.endpoints_min) {
        return {};
    }
    const double mean = sum / static_cast<double>(counted);
    const double variance = std::max(0.0, squares / static_cast<double>(counted) - mean * mean);
    const double least =
        mean - std::max(settings.deviations * std::sqrt(variance), settings.deviation_min);
    std::vector<std::size_t> ejected;
    for (std::size_t index = 0; index < scope.endpoints.size(); ++index) {
        ejection& endpoint = *scope.endpoints[index];
        const double rate = rate_of(endpoint);
        if (rate >= 0 && rate < least &&
            eject(scope, endpoint, settings, now) == ejection_change::ejected) {
            ejected.push_back(index);
        }
    }
    return ejected;
}

} // namespace msd::core::resilience
