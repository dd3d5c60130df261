// SPDX-License-Identifier: Apache-2.0
// The part of a pool that handles the messages of its workers. It trusts none of them: a message
// that does not fit the phase of its worker has no effect.
#include "base/log.hpp"
#include "process/worker_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>

namespace msd::process {

void worker_pool::receive_from(worker_process& worker, time_point now) {
    for (const core::worker_message& message : receive_messages(worker)) {
        apply(worker, message, now);
    }
    limit_messages(worker, now);
}

void worker_pool::limit_messages(worker_process& worker, time_point now) const {
    if (now - worker.counted_from > std::chrono::seconds{1}) {
        worker.counted_from = now;
        worker.messages_before = worker.messages;
    } else if (worker.messages - worker.messages_before > core::worker_messages_per_s_max) {
        worker.end_reason = fmt::format(
            "it sent more than {} messages within a second",
            core::worker_messages_per_s_max
        );
        log::error(
            "{}/{}: pid {}: {}, sending KILL",
            name(),
            worker.slot,
            worker.pid,
            worker.end_reason
        );
        worker.control.reset(); // the rest is not read
        worker.terminated = true;
        worker.act_at = time_point::max();
        kill(worker.pid, SIGKILL);
    }
}

void worker_pool::apply(
    worker_process& worker,
    const core::worker_message& message,
    time_point now
) {
    using kind = core::worker_message::kind;
    const bool starting = worker.now_is == worker_process::phase::starting;
    const bool serves = worker.now_is == worker_process::phase::ready;
    if (message.what == kind::hello && starting) {
        worker.build = message.text;
    } else if (message.what == kind::ready && starting) {
        worker.now_is = worker_process::phase::ready;
        worker.ready_at = now;
        worker.act_at = time_point::max();
        weigh(worker);
        if (!worker.is_candidate && worker.slot < slots_.size()) {
            note_ready(worker, now);
        }
        log::debug("{}/{}: pid {} is ready", name(), worker.slot, worker.pid);
    } else if (message.what == kind::extend && starting) {
        const time_point last =
            worker.started + core::start_extension_max * supervision_.start_timeout;
        worker.act_at = std::min(now + supervision_.start_timeout, last);
    } else if (message.what == kind::drained && worker.handed_over && serves) {
        worker.now_is = worker_process::phase::draining;
        worker.act_at = now + supervision_.stop_timeout;
        if (worker.slot < slots_.size()) {
            fill(worker.slot, nullptr, now); // in case its successor has died meanwhile
        }
    } else if (message.what == kind::kept && worker.handed_over && serves) {
        worker.handed_over = false;
        if (worker.slot < slots_.size()) { // else the slot was scaled away meanwhile
            slots_[worker.slot].candidate_end =
                message.text.empty() ? "the old worker refused" : message.text;
        }
    } else if (message.what == kind::fatal) {
        worker.end_reason = message.text;
    } else if (message.what == kind::stats) {
        worker.stats = message.text;
    } else if (message.what == kind::configured || message.what == kind::refused) {
        note_configured(worker, message);
    }
}

// An answer to an earlier file than the last one has no effect.
void worker_pool::note_configured(worker_process& worker, const core::worker_message& message)
    const {
    using step = configuring_state::step;
    const core::configure_answer answer = core::read_configure_answer(message.text);
    if (worker.configuring.now_is != step::sent || answer.number != worker.configuring.number) {
        return;
    }
    if (message.what == core::worker_message::kind::configured) {
        worker.configuring.now_is = step::applied;
        return;
    }
    worker.configuring.now_is = step::refused;
    worker.configuring.refusal = answer.reason.empty() ? "the worker refused" : answer.reason;
    log::warning(
        "{}/{}: pid {} refused configuration {}: {}",
        name(),
        worker.slot,
        worker.pid,
        answer.number,
        worker.configuring.refusal
    );
}

// A worker that exceeds the limit when it is new is not recycled: its replacement would, too.
void worker_pool::weigh(worker_process& worker) const {
    const std::uint64_t most = supervision_.recycle.bytes;
    if (most == 0) {
        return;
    }
    worker.bytes_when_ready = private_memory_bytes(worker.pid);
    if (worker.bytes_when_ready >= most) {
        log::warning(
            "{}/{}: a new worker has {} bytes of private memory, so supervision.recycle_bytes = {} "
            "has no effect on it",
            name(),
            worker.slot,
            worker.bytes_when_ready,
            most
        );
    }
}

} // namespace msd::process
