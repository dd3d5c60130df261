// SPDX-License-Identifier: Apache-2.0
#include "simulate/scenarios.hpp"

namespace msd::simulate {

simulation_settings
settings_for(const scenario& played, const contender& by, milliseconds length, std::uint64_t seed) {
    simulation_settings made;
    made.seed = seed;
    made.length = length;
    made.balance = by.policy;
    made.has_policies = by.has_policies;
    const std::chrono::duration<double> service = made.service_fixed + made.service_random;
    made.rate_per_s = played.load * made.endpoints / service.count();
    // Without faults, the time is divided in the same way.
    made.faults = {{played.kind, played.endpoints, length / 4, length / 4 * 3}};
    return made;
}

} // namespace msd::simulate
