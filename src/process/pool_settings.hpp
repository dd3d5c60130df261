// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/recycling.hpp"
#include "core/restart_policy.hpp"
#include "process/listen_set.hpp"

#include <string>

namespace msd::process {

struct supervision_settings {
    core::restart_settings restart;
    milliseconds start_timeout{60'000}; // until READY, or EXTEND
    milliseconds drain_timeout{30'000};
    milliseconds stop_timeout{5000};       // after STOP or TERM, before KILL
    milliseconds soak{2000};               // READY for so long, a new worker replaces the old one
    milliseconds heartbeat_every{1000};    // interval at which a worker's event loop reports
    milliseconds heartbeat_timeout{15000}; // without a report for so long, the worker hangs
    milliseconds abort_grace{5000};        // after ABRT, before KILL
    milliseconds upgrade_timeout{10'000};  // for a new program to say whether it can take over
    milliseconds configure_timeout{5000};  // for a worker to apply a configuration file
    core::recycling_limits recycle;
};

struct pool_settings {
    std::string name;
    int workers = 1;
    int workers_max = 1024; // scale() goes no further
    // Pools of a lower rank have ended before the next ones stop. They start in the reverse order:
    // a pool waits until every pool of a higher rank has had a READY worker.
    int stop_rank = 0;
    bool hands_over = false; // a new worker takes the state of the one before it over (HAND_OVER)
    listen_set listeners;
};

} // namespace msd::process
