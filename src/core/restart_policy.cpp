// SPDX-License-Identifier: Apache-2.0
#include "core/restart_policy.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace msd::core {

restart_policy::restart_policy(restart_settings settings, std::size_t slots) : settings_{settings} {
    known_.slots.resize(slots);
}

restart_policy::restart_policy(restart_settings settings, memory known)
    : settings_{settings},
      known_{std::move(known)} {}

void restart_policy::ready(std::size_t slot, time_point now) {
    known_.slots[slot].is_ready = true;
    known_.slots[slot].left_empty = false; // also when the slot was left empty before
    known_.slots[slot].ready_since = now;
    known_.ever_ready = true;
}

restart_policy::verdict
restart_policy::died(std::size_t slot, int exit_code, time_point now, double jitter) {
    memory::slot& dead = known_.slots[slot];
    const bool was_ready = dead.is_ready;
    const auto lived = now - dead.ready_since;
    const bool misconfigured = exit_code == exit_configuration;
    dead.is_ready = false;
    if (misconfigured && !known_.ever_ready) {
        return leave_empty(dead);
    }
    if (was_ready && lived >= settings_.forget_after) {
        dead.early_deaths = 0;
    }
    if (was_ready && lived >= settings_.early && !misconfigured) {
        return {action::replace, under_cap(now), false};
    }
    ++dead.early_deaths;
    if (!known_.ever_ready && ++known_.start_failures >= settings_.start_failures_max) {
        return {action::give_up, now, true};
    }
    return {action::replace, under_cap(now + backoff(dead.early_deaths, jitter)), true};
}

std::vector<std::size_t> restart_policy::retry_left_empty() {
    std::vector<std::size_t> freed;
    for (std::size_t slot = 0; slot < known_.slots.size(); ++slot) {
        if (known_.slots[slot].left_empty) {
            known_.slots[slot] = {};
            freed.push_back(slot);
        }
    }
    return freed;
}

restart_policy::verdict restart_policy::leave_empty(memory::slot& slot) {
    slot.left_empty = true;
    const std::vector<memory::slot>& all = known_.slots;
    const bool none_left =
        std::all_of(all.begin(), all.end(), [](const auto& each) { return each.left_empty; });
    return {none_left ? action::give_up_configuration : action::leave_empty, {}, true};
}

milliseconds restart_policy::backoff(int early_deaths, double jitter) const {
    const auto most = static_cast<double>(settings_.backoff_max.count());
    const double doubled =
        std::ldexp(static_cast<double>(settings_.backoff_first.count()), early_deaths - 1);
    const double spread = std::clamp(jitter, -1.0, 1.0) * settings_.backoff_jitter_percent / 100;
    return milliseconds{std::llround(std::min(doubled, most) * (1 + spread))};
}

// The earliest time, not before `wanted`, at which one more replacement stays under the cap.
// Planned replacements count too, so that simultaneous deaths are not all replaced at one later
// time.
time_point restart_policy::under_cap(time_point wanted) {
    const auto cap = static_cast<std::size_t>(std::max(
        settings_.spawns_per_window_min,
        settings_.spawns_per_worker * static_cast<int>(known_.slots.size())
    ));
    std::deque<time_point>& all = known_.replacements;
    time_point at = wanted;
    if (all.size() >= cap) {
        at = std::max(at, all[all.size() - cap] + settings_.spawn_window);
    }
    all.insert(std::upper_bound(all.begin(), all.end(), at), at);
    while (all.size() > cap) {
        all.pop_front();
    }
    return at;
}

} // namespace msd::core
