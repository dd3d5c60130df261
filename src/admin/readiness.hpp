// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics_text.hpp"

#include <string>
#include <vector>

namespace msd::admin {

// Whether an instance can serve, for /readyz.
struct readiness {
    bool is_ready = false;
    std::string body; // JSON: {"status":…,"waiting_for":[…],"pools":[{"role","slots","ready"}]}
};

/// Ready: each pool that the master has published has at least one READY worker. A pool whose
/// further workers are being replaced is "degraded" and still serves: one dead worker must not take
/// the instance out of a load balancer.
[[nodiscard]] readiness readiness_of(const std::vector<core::metric_series>& all);

} // namespace msd::admin
