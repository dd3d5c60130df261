// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/settings.hpp"
#include "node/worker.hpp"

namespace msd::gateway {

/// Builds the role and runs it in this process until the master stops it. The result is the exit
/// code of the worker: 0 drained, 1 failed, 78 configuration error.
[[nodiscard]] int
run_gateway(node::worker_environment environment, const gateway_settings& settings);

} // namespace msd::gateway
