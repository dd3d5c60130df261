// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "core/resilience/service_settings.hpp"
#include "host/settings.hpp"
#include "node/worker.hpp"

#include <functional>

namespace msd::host {

/// Reads the policies for calls of other services from a configuration file. It is called on a
/// thread of its own, because a large file takes longer than the event loop may be blocked.
using policies_reader =
    std::function<result<core::resilience::service_policies>(const unique_fd& file)>;

/// Builds the role and runs it in this process until the master stops it. The result is the exit
/// code of the worker: 0 drained, 1 failed, 78 configuration error.
[[nodiscard]] int run_service(
    node::worker_environment environment,
    const service_settings& settings,
    policies_reader read_policies
);

} // namespace msd::host
