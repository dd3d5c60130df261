// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "gateway/limit_store.hpp"
#include "gateway/settings.hpp"
#include "node/worker.hpp"

#include <functional>

namespace msd::gateway {

/// The settings `running` with the values of the live keys of a configuration file. It is called on
/// a thread of its own, because a file with thousands of routes takes longer than the event loop
/// may be blocked.
using settings_reader =
    std::function<result<gateway_settings>(gateway_settings running, const unique_fd& file)>;

/// Builds the role and runs it in this process until the master stops it. With `make_limit_store`
/// its limits are those of all gateways that use the same store. The result is the exit
/// code of the worker: 0 drained, 1 failed, 78 configuration error.
[[nodiscard]] int run_gateway(
    node::worker_environment environment,
    const gateway_settings& settings,
    settings_reader read_again,
    limit_store_maker make_limit_store
);

} // namespace msd::gateway
