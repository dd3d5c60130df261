// SPDX-License-Identifier: Apache-2.0
#include "core/restart_policy.hpp"

#include <algorithm>
#include <cmath>

namespace msd::core {

restart_policy::restart_policy(restart_settings settings, std::size_t slots)
    : settings_{settings},
      slots_(slots) {}

void restart_policy::ready(std::size_t slot, time_point now) {
    slots_[slot].is_ready = true;
    slots_[slot].ready_since = now;
    ever_ready_ = true;
}

restart_policy::verdict
restart_policy::died(std::size_t slot, int exit_code, time_point now, double jitter) {
    slot_state& dead = slots_[slot];
    const bool was_ready = dead.is_ready;
    const auto lived = now - dead.ready_since;
    dead.is_ready = false;
    if (exit_code == exit_configuration) {
        return leave_empty(dead);
    }
    if (was_ready && lived >= settings_.forget_after) {
        dead.early_deaths = 0;
    }
    if (was_ready && lived >= settings_.early) {
        return {action::replace, under_cap(now), false};
    }
    ++dead.early_deaths;
    if (!ever_ready_ && ++start_failures_ >= settings_.start_failures_max) {
        return {action::give_up, now, true};
    }
    return {action::replace, under_cap(now + backoff(dead.early_deaths, jitter)), true};
}

std::vector<std::size_t> restart_policy::configuration_changed() {
    std::vector<std::size_t> freed;
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
        if (slots_[slot].left_empty) {
            slots_[slot] = slot_state{};
            freed.push_back(slot);
        }
    }
    return freed;
}

// Once the pool has served, it never ends the master: what is empty waits for a better
// configuration.
restart_policy::verdict restart_policy::leave_empty(slot_state& slot) {
    slot.left_empty = true;
    const bool none_left = std::all_of(slots_.begin(), slots_.end(), [](const slot_state& each) {
        return each.left_empty;
    });
    const bool hopeless = none_left && !ever_ready_;
    return {hopeless ? action::give_up_configuration : action::leave_empty, {}, true};
}

milliseconds restart_policy::backoff(int early_deaths, double jitter) const {
    const auto most = static_cast<double>(settings_.backoff_max.count());
    const double doubled =
        std::ldexp(static_cast<double>(settings_.backoff_first.count()), early_deaths - 1);
    const double spread = std::clamp(jitter, -1.0, 1.0) * settings_.backoff_jitter_percent / 100;
    return milliseconds{std::llround(std::min(doubled, most) * (1 + spread))};
}

// The moment at which one more replacement keeps the cap, not before `wanted`. Planned ones count:
// deaths at one moment must not agree on one later moment.
time_point restart_policy::under_cap(time_point wanted) {
    const auto cap = static_cast<std::size_t>(std::max(
        settings_.spawns_per_window_min,
        settings_.spawns_per_worker * static_cast<int>(slots_.size())
    ));
    time_point at = wanted;
    if (replacements_.size() >= cap) {
        at = std::max(at, replacements_[replacements_.size() - cap] + settings_.spawn_window);
    }
    replacements_.insert(std::upper_bound(replacements_.begin(), replacements_.end(), at), at);
    while (replacements_.size() > cap) {
        replacements_.pop_front();
    }
    return at;
}

} // namespace msd::core
