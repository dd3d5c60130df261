// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/fault_board.hpp"
#include "process/reloading.hpp"
#include "process/rolling.hpp"
#include "process/upgrading.hpp"
#include "process/worker_pool.hpp"

#include <list>
#include <string>
#include <string_view>

namespace msd::process {

// The status that a master reports on its control socket; `msd status` and `msd ctl` read it.
struct instance_facts {
    std::string_view state; // starting, ready, degraded, stopping
    time_point started{};
    const std::string& program; // where a roll finds the next version
    const rolling& rolls;
    const reloading& reloads;
    const upgrading& upgrades;
    const core::fault_board& faults;
};

/// One JSON object on one line:
/// {"pid","version","state","uptime_ms","memory_bytes","program","roll":{…},"upgrade":{…},
/// "faults":[{"id","service","delay_ms","error","abort","percent","left_ms"}],
/// "pools":[{"name","state","host","port","workers","ready","slots":[{"slot","pid","generation",
/// "build","state","uptime_ms","restarts","last_exit","memory_bytes","connections","requests",
/// "heartbeat_age_ms","stats"}]}]}. `stats` is what the role itself said with its last heartbeat. A
/// slot without a process has pid null and one of three states: waiting (it gets a process in
/// `retry_in_ms`), stopped (its process ended in order while the instance or the pool stops),
/// failed (it gets none, `last_exit` has the reason). A slot being handed over appears once per
/// process.
[[nodiscard]] std::string
status_json(const instance_facts& instance, const std::list<worker_pool>& pools, time_point now);

/// One line for people: "ready, 9 of 9 workers; rolling goods/1, 3 of 6 done".
[[nodiscard]] std::string
status_line(const instance_facts& instance, const std::list<worker_pool>& pools);

/// starting (never was READY), ready, degraded (slots without a READY worker), stopping.
[[nodiscard]] std::string_view state_of(const worker_pool& of);

} // namespace msd::process
