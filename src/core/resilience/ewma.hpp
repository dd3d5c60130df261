// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/cell_time.hpp"

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>

namespace msd::core::resilience {

// An exponentially weighted moving average of latencies in one cell that several processes share:
// the average in microseconds as a float and the time of the last sample, changed in one step. A
// sample weighs 1 − e^(−t/τ), where t is the time since the sample before, so the weights do not
// depend on the rate. Zeroed memory is an average without samples.
struct ewma_cell {
    std::atomic<std::uint64_t> cell;

    /// In microseconds; 0: no sample yet.
    [[nodiscard]] float value_us() const { return value_of(cell.load(std::memory_order_relaxed)); }

    /// The average, changed by a sample (> 0 µs). With `is_peak`, a sample above the average
    /// replaces it at once (Peak EWMA: Oskar Zhang and others, Finagle, 2014).
    void add(float sample_us, float tau_s, bool is_peak, time_point now) {
        const std::uint32_t tick = tick_of(now);
        std::uint64_t before = cell.load(std::memory_order_relaxed);
        std::uint64_t after = 0;
        do {
            const float average = value_of(before);
            float next = sample_us;
            if (average > 0 && !(is_peak && sample_us > average)) {
                const float age_s = seconds_between(tick_in(before), tick);
                next = sample_us + (average - sample_us) * std::exp(-age_s / tau_s);
            }
            after = std::uint64_t{std::bit_cast<std::uint32_t>(next)} << 32 | tick;
        } while (!cell.compare_exchange_weak(before, after, std::memory_order_relaxed));
    }

    void clear() { cell.store(0, std::memory_order_relaxed); }

private:
    static std::uint32_t tick_in(std::uint64_t cell) { return static_cast<std::uint32_t>(cell); }

    // Any process can have written any bits: what is no latency counts as no sample.
    static float value_of(std::uint64_t cell) {
        const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(cell >> 32));
        constexpr float most = 1e12F;
        return value > 0 && value < most ? value : 0;
    }
};

static_assert(sizeof(ewma_cell) == 8);

} // namespace msd::core::resilience
