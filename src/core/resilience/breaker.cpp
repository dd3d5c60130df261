// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/breaker.hpp"

#include "core/resilience/phase_state.hpp"

#include <algorithm>

namespace msd::core::resilience {

namespace {

constexpr std::uint64_t percent = 100;
constexpr std::uint32_t doublings_max = 16;
constexpr float us_per_ms = 1000;

// The time of a state is the start of the phases closed and half_open, and the end of the phase
// open.
using breaker_state = phase_state<breaker_phase>;

// time_point{}: never, or a time that no worker has written.
time_point began_at(const breaker_state& state, time_point now) {
    constexpr std::uint64_t ahead_max_ms = 60'000; // of another worker's time
    return state.at_ms == 0 || state.at_ms > ms_of(now) + ahead_max_ms ? time_point{}
                                                                       : time_of_ms(state.at_ms);
}

breaker_state opened(
    const breaker_state& from,
    const breaker_settings& settings,
    time_point now,
    random_generator& random
) {
    // Openings that are long ago do not make the next one longer.
    const bool is_recent = from.phase != breaker_phase::closed ||
                           now - began_at(from, now) <= settings.closing.length + settings.open_max;
    const std::uint32_t before = is_recent ? from.times : 0;
    const milliseconds longest =
        std::min(settings.open_max, settings.open * (1 << std::min(before, doublings_max)));
    const double factor = 1 + settings.jitter * (2 * random.unit() - 1);
    const double length_ms = static_cast<double>(longest.count()) * factor;
    return {
        breaker_phase::open,
        before + 1,
        0,
        ms_of(now) + static_cast<std::uint64_t>(std::max(1.0, length_ms))};
}

bool is_counted(try_result result) {
    return result == try_result::succeeded || is_failure(result);
}

} // namespace

breaker_phase breaker::phase(time_point now) const {
    const breaker_state read = breaker_state::unpack(state.load(std::memory_order_acquire));
    return read.phase == breaker_phase::open && ms_of(now) >= read.at_ms ? breaker_phase::half_open
                                                                         : read.phase;
}

time_point breaker::open_until() const {
    const breaker_state read = breaker_state::unpack(state.load(std::memory_order_acquire));
    return read.phase == breaker_phase::open ? time_of_ms(read.at_ms) : time_point{};
}

breaker_decision
breaker::admit(const breaker_settings& settings, time_point now, random_generator& random) {
    using enum breaker_decision::kind;
    if (settings.mode == breaker_mode::off) {
        return {};
    }
    const auto refusal = [&settings](std::uint64_t after_ms) -> breaker_decision {
        if (settings.mode == breaker_mode::observe) {
            return {allowed, {}, true};
        }
        return {refused, milliseconds{static_cast<milliseconds::rep>(after_ms)}, true};
    };
    std::uint64_t cell = state.load(std::memory_order_acquire);
    const breaker_state read = breaker_state::unpack(cell);
    const std::uint64_t now_ms = ms_of(now);
    if (read.phase == breaker_phase::closed) {
        const double share = settings.closing.share(began_at(read, now), now);
        return share >= 1 || random.unit() < share ? breaker_decision{} : refusal(1000);
    }
    bool has_half_opened = false;
    if (read.phase == breaker_phase::open) {
        const std::uint64_t left_ms = read.at_ms > now_ms ? read.at_ms - now_ms : 0;
        // A time that is further away than the breaker is ever open was written by no worker.
        const auto longest = static_cast<std::uint64_t>(settings.open_max.count()) * 2;
        if (left_ms > 0 && left_ms <= longest) {
            return refusal(left_ms);
        }
        const breaker_state half{breaker_phase::half_open, read.times, 0, now_ms};
        if (state.compare_exchange_strong(cell, half.pack(), std::memory_order_acq_rel)) {
            next_probe_ms.store(now_ms, std::memory_order_relaxed);
            has_half_opened = true;
        }
    }
    const auto every = static_cast<std::uint64_t>(settings.probe_every.count());
    std::uint64_t due_ms = next_probe_ms.load(std::memory_order_relaxed);
    const bool is_due = now_ms >= due_ms || due_ms - now_ms > every;
    if (is_due && next_probe_ms.compare_exchange_strong(due_ms, now_ms + every)) {
        return {probe, {}, false, has_half_opened};
    }
    return refusal(every);
}

void breaker::observe(
    const breaker_settings& settings,
    const breaker_decision& admitted,
    const observed_try& tried,
    random_generator& random
) {
    if (settings.mode == breaker_mode::off || !is_counted(tried.result) ||
        admitted.what == breaker_decision::kind::refused) {
        return;
    }
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    const auto passed_us = static_cast<float>(
        std::max<std::int64_t>(1, duration_cast<microseconds>(tried.ended - tried.began).count())
    );
    const float usual_us = baseline.value_us();
    const float slow_us = std::max(
        static_cast<float>(settings.slow_min.count()) * us_per_ms,
        settings.slow_factor * usual_us
    );
    const bool is_slow = passed_us > slow_us;
    if (tried.result == try_result::succeeded) {
        // The clamp lets the baseline follow a service that became slower for good, but slowly.
        const float most = usual_us > 0 ? usual_us * settings.slow_factor : passed_us;
        baseline.add(std::min(passed_us, most), baseline_tau_s, false, tried.ended);
    }
    const breaker_phase current =
        breaker_state::unpack(state.load(std::memory_order_acquire)).phase;
    if (admitted.what == breaker_decision::kind::probe) {
        conclude_probe(settings, tried, !is_failure(tried.result) && !is_slow, random);
    } else if (current == breaker_phase::closed) {
        count(settings, tried, is_slow, random);
    }
}

void breaker::count(
    const breaker_settings& settings,
    const observed_try& tried,
    bool is_slow,
    random_generator& random
) {
    std::uint64_t cell = state.load(std::memory_order_acquire);
    const breaker_state read = breaker_state::unpack(cell);
    const bool failed = is_failure(tried.result);
    if (read.phase != breaker_phase::closed || tried.began < began_at(read, tried.ended)) {
        return; // from before the breaker closed
    }
    counts.add({1, failed ? 1U : 0U, is_slow ? 1U : 0U}, tried.ended);
    if (!failed && !is_slow) {
        return;
    }
    const auto [all, failures, slow] = counts.sums(tried.ended);
    const bool are_failures_too_many =
        failures != 0 && failures * percent >= all * settings.failures_percent;
    const bool are_slow_too_many = slow != 0 && slow * percent >= all * settings.slow_percent;
    const bool opens = all >= settings.requests_min && (are_failures_too_many || are_slow_too_many);
    if (opens) {
        const breaker_state next = opened(read, settings, tried.ended, random);
        // Another worker that opens it at the same time does the same.
        state.compare_exchange_strong(cell, next.pack(), std::memory_order_acq_rel);
    }
}

void breaker::conclude_probe(
    const breaker_settings& settings,
    const observed_try& tried,
    bool is_good,
    random_generator& random
) {
    std::uint64_t cell = state.load(std::memory_order_acquire);
    const breaker_state read = breaker_state::unpack(cell);
    if (read.phase != breaker_phase::half_open || tried.began < began_at(read, tried.ended)) {
        return;
    }
    breaker_state next = read;
    if (!is_good) {
        next = opened(read, settings, tried.ended, random);
    } else if (++next.good >= settings.good_probes) {
        // Nothing is counted while half open, and what was counted before it opened is over.
        counts.clear();
        next = {breaker_phase::closed, read.times, 0, ms_of(tried.ended)};
    }
    // The result of a probe that loses the race with another one is not counted.
    state.compare_exchange_strong(cell, next.pack(), std::memory_order_acq_rel);
}

void breaker::clear() {
    state.store(0, std::memory_order_relaxed);
    next_probe_ms.store(0, std::memory_order_relaxed);
    baseline.clear();
    counts.clear();
}

} // namespace msd::core::resilience
