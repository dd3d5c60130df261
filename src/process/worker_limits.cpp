// SPDX-License-Identifier: Apache-2.0
#include "process/worker_limits.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>

namespace msd::process {

namespace {

// The worker writes its interval into shared memory; a damaged one must not end the supervision.
constexpr milliseconds beats_every_max{3'600'000};

} // namespace

void worker_limits::escalate(time_point now) {
    using phase = worker_process::phase;
    for (worker_process& worker : set_.workers()) {
        if (worker.act_at > now) {
            continue;
        }
        const bool gently = worker.now_is == phase::draining && !worker.terminated;
        if (worker.now_is == phase::starting && worker.end_reason.empty()) {
            worker.end_reason =
                fmt::format("not ready after {} ms", set_.supervision().start_timeout.count());
        }
        log::warning(
            "{}/{}: pid {} is still {}, sending {}",
            set_.name(),
            worker.slot,
            worker.pid,
            text_of(worker.now_is),
            gently ? "TERM" : "KILL"
        );
        kill(worker.pid, gently ? SIGTERM : SIGKILL);
        worker.terminated = gently;
        worker.act_at = gently ? now + set_.supervision().stop_timeout : time_point::max();
    }
}

// A worker that was started before the configuration was changed keeps its old interval.
milliseconds worker_limits::beats_every(const worker_process& worker) const {
    const milliseconds said{worker.line.figures().beats_every_ms.load()};
    return std::max(set_.supervision().heartbeat_every, std::min(said, beats_every_max));
}

milliseconds worker_limits::heartbeat_limit(const worker_process& worker) const {
    const auto usual = std::max(set_.supervision().heartbeat_timeout, 3 * beats_every(worker));
    // Its event loop is blocked while it hands over.
    return worker.handed_over ? std::max(usual, 2 * core::handover_limit) : usual;
}

bool worker_limits::has_missed_heartbeats(const worker_process& worker, time_point now) const {
    const time_point last_beat = worker.line.figures().last_beat(now);
    return last_beat != time_point{} && now - last_beat > 2 * beats_every(worker);
}

void worker_limits::abort_hung(time_point since, time_point now) {
    using phase = worker_process::phase;
    for (worker_process& worker : set_.workers()) {
        const bool has_loop = worker.now_is == phase::ready || worker.now_is == phase::draining;
        const time_point last_beat =
            std::max({worker.line.figures().last_beat(now), worker.ready_at, since});
        if (!has_loop || worker.terminated || now - last_beat < heartbeat_limit(worker)) {
            continue;
        }
        const char state = process_state(worker.pid);
        if (state == 't') {
            continue; // a debugger is attached
        }
        const bool is_stopped = state == 'T';
        worker.end_reason = fmt::format(
            "{} for {} ms",
            is_stopped ? "stopped" : "its event loop was blocked",
            std::chrono::duration_cast<milliseconds>(now - last_beat).count()
        );
        log::error(
            "{}/{}: pid {}: {}, sending {}",
            set_.name(),
            worker.slot,
            worker.pid,
            worker.end_reason,
            is_stopped ? "KILL" : "ABRT"
        );
        // A stopped process handles ABRT only when it continues.
        kill(worker.pid, is_stopped ? SIGKILL : SIGABRT);
        worker.terminated = true;
        worker.act_at = std::min(worker.act_at, now + set_.supervision().abort_grace);
    }
}

// A worker that exceeds the limit when it is new is not recycled: its replacement would, too.
void worker_limits::weigh(worker_process& worker) const {
    const std::uint64_t most = set_.supervision().recycle.bytes;
    if (most == 0) {
        return;
    }
    worker.bytes_when_ready = worker.line.figures().private_bytes;
    if (worker.bytes_when_ready >= most) {
        log::warning(
            "{}/{}: a new worker has {} bytes of private memory, so supervision.recycle_bytes = {} "
            "has no effect on it",
            set_.name(),
            worker.slot,
            worker.bytes_when_ready,
            most
        );
    }
}

std::optional<std::size_t> worker_limits::slot_to_recycle() const {
    for (const worker_process& worker : set_.workers()) {
        if (worker.now_is != worker_process::phase::ready || worker.is_candidate) {
            continue;
        }
        const core::recycling_limits& most = set_.supervision().recycle;
        const std::uint64_t answered = worker.line.figures().requests;
        if (most.reached_by_requests(answered, worker.recycle_spread_percent) ||
            (most.watches_memory_from(worker.bytes_when_ready) &&
             worker.line.figures().private_bytes >= most.bytes)) {
            return worker.slot;
        }
    }
    return std::nullopt;
}

} // namespace msd::process
