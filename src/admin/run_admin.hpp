// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node/worker.hpp"

namespace msd::admin {

/// Builds the role and runs it in this process until the master stops it. The result is the exit
/// code of the worker: 0 drained, 1 failed.
[[nodiscard]] int run_admin(node::worker_environment environment);

} // namespace msd::admin
