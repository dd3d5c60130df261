// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics.hpp"
#include "services/service.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace msd::host {

// The metrics of a service's worker (core/metrics.hpp).
class service_meters {
public:
    // Since the worker started, except for the first two.
    struct figures {
        std::uint64_t in_flight = 0; // now
        std::uint64_t streams = 0;   // now
        std::uint64_t handler_failures = 0;
        std::uint64_t other_protocols = 0;
        std::uint64_t unproven_refused = 0;
        std::uint64_t log_lines_dropped = 0;
    };

    /// `within` outlives this object.
    service_meters(core::metrics& within, std::string_view service);

    /// A reply of a handler.
    void count_reply(const services::route& row, int status);
    void update(const figures& now);

private:
    core::metrics& within_;
    std::string service_;
    core::metric_cell in_flight_;
    core::metric_cell streams_;
    core::followed_counter handler_failures_;
    core::followed_counter other_protocols_;
    core::followed_counter unproven_refused_;
    core::followed_counter log_lines_dropped_;
    // By route and status: both are from handlers of msd, so there are few.
    std::map<std::pair<const services::route*, int>, core::metric_cell> replies_;
};

} // namespace msd::host
