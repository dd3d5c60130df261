// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "process/pool.hpp"

#include <list>
#include <string>
#include <string_view>

namespace msd::process {

// What a master says of itself on its control socket; `msd status` and `msd ctl` read it.
struct instance_facts {
    std::string_view state; // starting, ready, degraded, stopping
    time_point started{};
};

/// One JSON object on one line:
/// {"pid","version","state","uptime_ms","memory_bytes","pools":[{"name",
/// "state","host","port","workers","ready","slots":[{"slot","pid","generation","state","uptime_ms",
/// "restarts","last_exit","memory_bytes"}]}]}. A slot without a process has pid null and says with
/// `retry_in_ms` when it gets one; a slot being handed over appears once per process.
[[nodiscard]] std::string
status_json(const instance_facts& instance, const std::list<pool>& pools, time_point now);

/// starting (never was READY), ready, degraded (slots without a READY worker), stopping.
[[nodiscard]] std::string_view state_of(const pool& of);

} // namespace msd::process
