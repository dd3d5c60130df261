// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "roles/settings.hpp"
#include "roles/worker.hpp"

namespace msd::roles {

// One function per role: builds the role and runs it in this process until the master stops it. The
// result is the exit code of the worker (0 drained, 1 failed, 78 configuration error).

[[nodiscard]] int
run_distributor(worker_environment environment, const distributor_settings& settings);
[[nodiscard]] int run_gateway(worker_environment environment, const gateway_settings& settings);
[[nodiscard]] int run_service(worker_environment environment, const service_settings& settings);

} // namespace msd::roles
