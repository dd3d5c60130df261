// SPDX-License-Identifier: Apache-2.0
#include "process/worker_messages.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>

namespace msd::process {

void worker_messages::receive(worker_process& worker, time_point now) {
    for (const core::worker_message& message : receive_messages(worker)) {
        apply(worker, message, now);
    }
    limit(worker, now);
}

void worker_messages::receive_last(worker_process& dead, time_point now) {
    for (const core::worker_message& message : receive_messages(dead)) {
        apply(dead, message, now);
    }
}

void worker_messages::limit(worker_process& worker, time_point now) const {
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
            set_.name(),
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

void worker_messages::apply(
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
        limits_.weigh(worker);
        if (!worker.is_candidate && worker.slot < set_.slots().size()) {
            set_.note_ready(worker, now);
        }
        log::debug("{}/{}: pid {} is ready", set_.name(), worker.slot, worker.pid);
    } else if (message.what == kind::extend && starting) {
        const time_point last =
            worker.started + core::start_extension_max * set_.supervision().start_timeout;
        worker.act_at = std::min(now + set_.supervision().start_timeout, last);
    } else if (message.what == kind::drained && worker.handed_over && serves) {
        worker.now_is = worker_process::phase::draining;
        worker.act_at = now + set_.supervision().stop_timeout;
        if (worker.slot < set_.slots().size()) {
            set_.fill(worker.slot, nullptr, now); // in case its successor has died meanwhile
        }
    } else if (message.what == kind::kept && worker.handed_over && serves) {
        worker.handed_over = false;
        if (worker.slot < set_.slots().size()) { // else the slot was scaled away meanwhile
            set_.slots()[worker.slot].candidate_end =
                message.text.empty() ? "the old worker refused" : message.text;
        }
    } else if (message.what == kind::fatal) {
        worker.end_reason = message.text;
    } else if (message.what == kind::configured || message.what == kind::refused) {
        note_configured(worker, message);
    }
}

// An answer to an earlier file than the last one has no effect.
void worker_messages::note_configured(worker_process& worker, const core::worker_message& message)
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
        set_.name(),
        worker.slot,
        worker.pid,
        answer.number,
        worker.configuring.refusal
    );
}

} // namespace msd::process
