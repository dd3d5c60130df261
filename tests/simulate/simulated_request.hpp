// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/resilience/breaker.hpp"

#include <array>
#include <cstdint>

namespace msd::simulate {

// What happens in a simulation, in the order of time, and the state of a request between its
// events.
enum class event_kind : std::uint8_t {
    arrival,
    reply,   // of a try that an endpoint does not queue
    served,  // an endpoint has finished a request
    timeout, // of a try
    retry,
    tick
};

struct event {
    time_point at;
    std::uint64_t order; // of events at the same time
    std::uint32_t request;
    std::uint32_t serial; // of the request's try; an event of an older one has no effect
    std::uint32_t endpoint;
    event_kind kind;

    bool operator<(const event& other) const {
        return at != other.at ? at > other.at : order > other.order;
    }
};

struct request_state {
    time_point began;
    time_point try_began;
    std::uint32_t serial = 0;
    std::uint32_t worker = 0;
    std::uint64_t hash = 0;
    std::array<std::uint32_t, 4> tried{};
    std::uint32_t tries = 0;
    core::resilience::breaker_decision admitted;
    core::resilience::try_result outcome =
        core::resilience::try_result::succeeded; // of a reply that is on its way
    bool is_probe = false;
};

} // namespace msd::simulate
