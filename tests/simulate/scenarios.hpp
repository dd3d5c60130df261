// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulate/simulation.hpp"

#include <array>
#include <string_view>

namespace msd::simulate {

// What is compared: faults of some of 100 endpoints, which begin after a quarter of the time and
// end after three quarters. The load is half of the capacity, or twice for `overload`.
struct scenario {
    std::string_view name;
    fault_kind kind;
    std::uint32_t endpoints; // with the fault
    double load;             // in relation to the capacity
};

inline constexpr std::array<scenario, 9> scenarios{{
    {"healthy", fault_kind::slow, 0, 0.5},
    {"slow", fault_kind::slow, 5, 0.5},
    {"halved", fault_kind::halved, 20, 0.6},
    {"flapping", fault_kind::flapping, 10, 0.5},
    {"dead", fault_kind::dead, 10, 0.5},
    {"silent", fault_kind::silent, 5, 0.5},
    {"broken", fault_kind::broken, 10, 0.5},
    {"failing", fault_kind::failing, 5, 0.5},
    {"overload", fault_kind::slow, 0, 2},
}};

// A row of each scenario's table. `plain` ones have no policies besides balancing.
struct contender {
    std::string_view name;
    core::resilience::balance_policy policy;
    bool has_policies;
};

inline constexpr std::array<contender, 7> contenders{{
    {"p2c", core::resilience::balance_policy::p2c, true},
    {"least-requests", core::resilience::balance_policy::least_requests, true},
    {"round-robin", core::resilience::balance_policy::round_robin, true},
    {"random", core::resilience::balance_policy::random, true},
    {"hash", core::resilience::balance_policy::hash, true},
    {"p2c, plain", core::resilience::balance_policy::p2c, false},
    {"round-robin, plain", core::resilience::balance_policy::round_robin, false},
}};

[[nodiscard]] simulation_settings
settings_for(const scenario& played, const contender& by, milliseconds length, std::uint64_t seed);

} // namespace msd::simulate
