// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/endpoint_set.hpp"

#include <cstdint>
#include <optional>

namespace msd::core::resilience {

// The default balancer: draws two endpoints at random and takes the one with the lower score
// √(latency + 1) · (requests in flight + 1) / weight (Mitzenmacher, "The power of two choices in
// randomized load balancing", 2001; latency as in Finagle's Peak EWMA). Drawing keeps workers that
// do not know of each other from choosing the same endpoint. The other endpoint of the pair is
// taken when it was not chosen for 1 s, so that its latency does not become outdated. With few
// requests for many endpoints, none is chosen every second; therefore the time is at least that of
// ten requests for each endpoint, which limits these choices to a tenth.
class power_of_two {
public:
    static constexpr float forced_after_s = 1;
    static constexpr float forced_after_turns = 10;

    void rebuild(const endpoint_set&) {}
    [[nodiscard]] std::optional<std::uint32_t>
    choose(const endpoint_set& set, const choice_request& request, random_generator& random);
    void ended(const endpoint_set&, std::uint32_t) {}

    /// What choose() compares; the lower one is better. For explanations. `rival_us` stands for
    /// the latency of an endpoint that has none yet.
    [[nodiscard]] static float
    score(const endpoint_set& set, std::uint32_t index, float rival_us, time_point now);

private:
    using active_endpoint = endpoint_set::active_endpoint;

    [[nodiscard]] bool is_starved(
        const active_endpoint& winner,
        const active_endpoint& other,
        std::uint32_t tick,
        std::size_t endpoints
    ) const;
    void measure_interval(std::uint32_t tick);

    // The mean time between two choices of this worker.
    float interval_s_ = 0;
    std::uint32_t measured_tick_ = 0;
    std::uint32_t choices_ = 0;
};

} // namespace msd::core::resilience
