// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/ewma.hpp"
#include "core/resilience/in_flight.hpp"
#include "core/resilience/try_result.hpp"

#include <chrono>
#include <type_traits>

namespace msd::core::resilience {

// What balancers know of one endpoint: latency and requests in flight, of all workers of the host.
// 16 bytes, so that those of 1,000 endpoints fit into the processor's first cache. The caller owns
// the memory; zeroed memory is an endpoint that has served nothing.
struct endpoint_load {
    ewma_cell latency;                      // peak EWMA
    shared_count in_flight;                 // see in_flight.hpp
    std::atomic<std::uint32_t> picked_tick; // the last choice, see tick_of()

    // A peak loses 90 % in 10 s.
    static constexpr float decay_s = 10 / 2.302585F;

    /// A try has ended after `latency`. A failure can raise the average and does not lower it:
    /// an endpoint that fails fast must not attract requests. What says nothing about the endpoint
    /// changes nothing.
    void observe(try_result result, std::chrono::microseconds passed, time_point now) {
        using enum try_result;
        if (result == goaway || result == not_executed || result == cancelled ||
            result == rejected) {
            return;
        }
        const auto sample = std::max(1.0F, static_cast<float>(passed.count()));
        if (is_good(result) || sample > latency.value_us()) {
            latency.add(sample, decay_s, true, now);
        }
    }

    /// For an endpoint that takes the place of another one.
    void clear() {
        latency.clear();
        in_flight.store(0, std::memory_order_relaxed);
        picked_tick.store(0, std::memory_order_relaxed);
    }
};

static_assert(std::is_standard_layout_v<endpoint_load> && sizeof(endpoint_load) == 16);

} // namespace msd::core::resilience
