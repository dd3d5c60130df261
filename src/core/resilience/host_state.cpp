// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/host_state.hpp"

#include <algorithm>

namespace msd::core::resilience {

void host_state::reclaim(worker_parts& of) {
    const std::uint32_t endpoints_end =
        std::min(endpoints.end.load(std::memory_order_relaxed), endpoints_max);
    for (std::uint32_t place = 0; place < endpoints_end; ++place) {
        reclaim_in_flight(endpoints.cells[place].load.in_flight, of.endpoints[place]);
    }
    const std::uint32_t services_end =
        std::min(services.end.load(std::memory_order_relaxed), services_max);
    for (std::uint32_t place = 0; place < services_end; ++place) {
        reclaim_requests(services.cells[place].requests, of.services[place]);
    }
}

} // namespace msd::core::resilience
