// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/random_generator.hpp"
#include "core/resilience/try_result.hpp"
#include "simulate/simulation.hpp"

#include <deque>
#include <optional>
#include <vector>

namespace msd::simulate {

// A try of a request; the number of its try tells it from later tries of the same request.
struct ticket {
    std::uint32_t request = 0;
    std::uint32_t serial = 0;
};

// The endpoints of the simulated service: each serves one request at a time, in the order of their
// arrival, and has the faults of the scenario. Times are those of the simulation.
class simulated_endpoints {
public:
    struct reply {
        milliseconds after{0};
        core::resilience::try_result result{};
    };
    struct service {
        ticket of;
        std::chrono::nanoseconds length{0};
    };

    /// `began` is the start of the simulation.
    simulated_endpoints(const simulation_settings& settings, time_point began);

    /// An endpoint that replies at once gives its reply; otherwise the request is queued, or for a
    /// silent one forgotten.
    [[nodiscard]] std::optional<reply> send(std::uint32_t index, ticket sent, time_point now);

    /// The request that the endpoint begins to serve now, if it is idle. Requests whose callers no
    /// longer wait (`is_current(ticket)` is false) are left out, as services do.
    template <class IsCurrent>
    [[nodiscard]] std::optional<service> start_next(
        std::uint32_t index,
        time_point now,
        core::resilience::random_generator& random,
        IsCurrent is_current
    ) {
        endpoint& at = endpoints_[index];
        while (!at.is_busy && !at.waiting.empty()) {
            const ticket next = at.waiting.front();
            at.waiting.pop_front();
            if (is_current(next)) {
                at.is_busy = true;
                return service{next, length_of(index, now, random)};
            }
        }
        return std::nullopt;
    }

    void finished(std::uint32_t index) { endpoints_[index].is_busy = false; }

private:
    struct endpoint {
        std::deque<ticket> waiting;
        bool is_busy = false;
    };

    [[nodiscard]] const fault* fault_of(std::uint32_t index, time_point now) const;
    [[nodiscard]] std::chrono::nanoseconds
    length_of(std::uint32_t index, time_point now, core::resilience::random_generator& random)
        const;

    const simulation_settings& settings_;
    time_point began_;
    std::vector<endpoint> endpoints_;
};

} // namespace msd::simulate
