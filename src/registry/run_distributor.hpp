// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node/worker.hpp"
#include "registry/settings.hpp"

namespace msd::registry {

/// Builds the role and runs it in this process until the master stops it. The result is the exit
/// code of the worker: 0 drained, 1 failed, 78 configuration error.
[[nodiscard]] int
run_distributor(node::worker_environment environment, const distributor_settings& settings);

} // namespace msd::registry
