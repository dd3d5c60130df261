// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "process/worker_process.hpp"
#include "process/worker_set.hpp"

#include <cstddef>
#include <optional>

namespace msd::process {

// The limits of time, requests and memory of the workers of a pool.
class worker_limits {
public:
    /// `of` outlives this object.
    explicit worker_limits(worker_set& of) : set_{of} {}

    /// Signals workers that exceed the time limit of their phase: TERM, then KILL.
    void escalate(time_point now);

    /// Sends ABRT to workers without a heartbeat for the heartbeat timeout, and KILL to stopped
    /// ones (state T). Time before `since` does not count.
    void abort_hung(time_point since, time_point now);
    /// Whether its event loop had a heartbeat before and has missed two since.
    [[nodiscard]] bool has_missed_heartbeats(const worker_process& worker, time_point now) const;

    /// Notes the memory of a worker that has just become READY. A worker that exceeds the limit
    /// when it is new is not recycled: its replacement would, too.
    void weigh(worker_process& worker) const;
    /// A slot whose worker exceeds a limit of supervision_settings::recycle.
    [[nodiscard]] std::optional<std::size_t> slot_to_recycle() const;

private:
    [[nodiscard]] milliseconds beats_every(const worker_process& worker) const;
    [[nodiscard]] milliseconds heartbeat_limit(const worker_process& worker) const;

    worker_set& set_;
};

} // namespace msd::process
