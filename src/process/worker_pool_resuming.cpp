// SPDX-License-Identifier: Apache-2.0
// The part of a pool that passes its state on to another program in the same process.
#include "process/worker_pool.hpp"

#include <utility>

namespace msd::process {

namespace {

worker_state state_of_worker(const worker_process& worker, plan_table& plans) {
    worker_state made;
    made.pid = worker.pid;
    made.control = worker.control.get();
    made.slot = worker.slot;
    made.plan = plans.number_of(worker.plan);
    made.line = worker.line.index();
    made.now_is = worker.now_is;
    made.started = worker.started;
    made.ready_at = worker.ready_at;
    made.act_at = worker.act_at;
    made.build = worker.build;
    made.end_reason = worker.end_reason;
    made.handed_over = worker.handed_over;
    made.terminated = worker.terminated;
    return made;
}

} // namespace

pool_state worker_pool::state(plan_table& plans) const {
    pool_state made;
    made.name = name();
    made.host = host();
    made.port = port();
    for (const unique_fd& socket : settings().listeners.sockets) {
        made.listeners.push_back(socket.get());
    }
    for (const slot& each : set_.slots()) {
        made.slots.push_back(
            {plans.number_of(each.plan),
             each.restarts,
             each.was_ready,
             each.last_exit,
             each.candidate_end,
             each.start_at}
        );
    }
    made.policy = set_.policy().known();
    for (const worker_process& worker : set_.workers()) {
        made.workers.push_back(state_of_worker(worker, plans));
    }
    return made;
}

result<void> worker_pool::resume(const pool_state& left, const std::vector<shared_plan>& plans) {
    set_.slots().clear();
    for (const slot_state& each : left.slots) {
        set_.slots().push_back(
            {plans[each.plan],
             each.restarts,
             each.was_ready,
             each.last_exit,
             each.candidate_end,
             each.start_at}
        );
    }
    set_.policy() = core::restart_policy{set_.supervision().restart, left.policy};
    for (const worker_state& each : left.workers) {
        auto adopted = set_.adopt(each.line);
        if (!adopted) {
            return tl::unexpected{std::move(adopted.error())};
        }
        worker_process& worker = **adopted;
        worker.pid = each.pid;
        worker.control.reset(each.control);
        worker.slot = each.slot;
        worker.plan = plans[each.plan];
        worker.now_is = each.now_is;
        worker.started = each.started;
        worker.ready_at = each.ready_at;
        worker.act_at = each.act_at;
        worker.build = each.build;
        worker.end_reason = each.end_reason;
        worker.handed_over = each.handed_over;
        worker.terminated = each.terminated;
    }
    return {};
}

} // namespace msd::process
