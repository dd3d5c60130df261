// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/resilience/ewma.hpp"
#include "core/resilience/random_generator.hpp"
#include "core/resilience/slow_start.hpp"
#include "core/resilience/try_result.hpp"
#include "core/resilience/window.hpp"

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace msd::core::resilience {

enum class breaker_mode : std::uint8_t {
    off,
    observe, // decides, and refuses nothing
    enforce
};

struct breaker_settings {
    breaker_mode mode = breaker_mode::enforce;
    std::uint64_t requests_min = 20; // in the window of 10 s
    std::uint32_t failures_percent = 50;
    std::uint32_t slow_percent = 80;
    milliseconds slow_min{1000}; // slow: over this and over slow_factor × the baseline
    float slow_factor = 4;
    milliseconds open{5000}; // doubled each time, up to open_max, ± 10 %
    milliseconds open_max{60'000};
    double jitter = 0.1;
    milliseconds probe_every{100}; // while half open
    std::uint32_t good_probes = 3; // to close it
    ramp closing{milliseconds{10'000}, 0.05};

    /// For stores and caches: opens at the first failed connect or timeout, is probed in the
    /// background every 500 ms, and closes at the first good probe without a ramp.
    [[nodiscard]] static constexpr breaker_settings for_stores() {
        breaker_settings made;
        made.requests_min = 1;
        made.failures_percent = 0;
        made.slow_percent = 101; // never
        made.open = made.open_max = made.probe_every = milliseconds{500};
        made.jitter = 0;
        made.good_probes = 1;
        made.closing = {milliseconds{0}, 1};
        return made;
    }
};

enum class breaker_phase : std::uint8_t {
    closed, // with a ramp at first
    open,
    half_open
};

struct breaker_decision {
    enum class kind : std::uint8_t {
        allowed,
        probe, // decides whether the breaker closes
        refused
    };
    kind what = kind::allowed;
    milliseconds retry_after{0}; // of a refusal, for Retry-After
    bool would_refuse = false;   // what enforce would do, in the mode observe
    bool is_first_probe = false; // this request has ended the phase open
};

// The circuit breaker of a service and route (Nygard, "Release It!", 2007), for all workers of a
// host: after too many failures or slow replies requests are refused at once instead of waiting for
// a service that does not work. Then single requests probe it, and a ramp lets it become warm. 4xx,
// requests that the client cancelled and those that the caller rejected never count. The phase is
// one cell that changes in one step, so a killed worker leaves a valid state, and a probe whose
// worker dies is followed by the next one. Zeroed memory is a closed breaker.
struct alignas(64) breaker {
    std::atomic<std::uint64_t> state;         // phase, openings, good probes, time
    std::atomic<std::uint64_t> next_probe_ms; // see ms_of()
    ewma_cell baseline;                       // latency of good replies, over minutes
    window<3> counts;                         // all, failed, slow

    static constexpr float baseline_tau_s = 300;

    [[nodiscard]] breaker_decision
    admit(const breaker_settings& settings, time_point now, random_generator& random);

    /// A request that admit() let pass has ended.
    void observe(
        const breaker_settings& settings,
        const breaker_decision& admitted,
        const observed_try& tried,
        random_generator& random
    );

    [[nodiscard]] breaker_phase phase(time_point now) const;
    /// The end of the phase open; time_point{} otherwise.
    [[nodiscard]] time_point open_until() const;

    void clear();

private:
    void count(
        const breaker_settings& settings,
        const observed_try& tried,
        bool is_slow,
        random_generator& random
    );
    void conclude_probe(
        const breaker_settings& settings,
        const observed_try& tried,
        bool is_good,
        random_generator& random
    );
};

static_assert(std::is_standard_layout_v<breaker> && sizeof(breaker) == 128);

} // namespace msd::core::resilience
