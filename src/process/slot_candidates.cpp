// SPDX-License-Identifier: Apache-2.0
#include "process/slot_candidates.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

namespace msd::process {

namespace {

// The old worker ends a handover by itself after 5 s; this limit is for a worker that hangs.
constexpr milliseconds handover_timeout{10'000};

} // namespace

result<void> slot_candidates::start(std::size_t index, const shared_plan& plan, time_point now) {
    set_.slots()[index].candidate_end.clear();
    std::array<int, 2> pair{-1, -1};
    if (set_.settings().hands_over &&
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
        return fail(errc::unavailable, "cannot create the sockets for the handover");
    }
    unique_fd ours{pair[0]};
    const auto made = set_.start(index, plan, unique_fd{pair[1]}, now);
    if (!made) {
        return tl::unexpected{made.error()};
    }
    (*made)->is_candidate = true;
    (*made)->handover = std::move(ours);
    return {};
}

worker_process* slot_candidates::find_candidate(std::size_t index) {
    for (worker_process& worker : set_.workers()) {
        if (worker.slot == index && worker.is_candidate) {
            return &worker;
        }
    }
    return nullptr;
}

const worker_process* slot_candidates::find(std::size_t index) const {
    return const_cast<slot_candidates*>(this)->find_candidate(index); // NOLINT(*-const-cast)
}

// The worker that serves in the slot while there is a candidate.
worker_process* slot_candidates::find_incumbent(std::size_t index) {
    for (worker_process& worker : set_.workers()) {
        const bool serves = worker.now_is == worker_process::phase::ready;
        if (worker.slot == index && !worker.is_candidate && serves) {
            return &worker;
        }
    }
    return nullptr;
}

void slot_candidates::retire_old(std::size_t index, time_point now) {
    worker_process* const fresh = find_candidate(index);
    if (fresh == nullptr) {
        return;
    }
    worker_process* const incumbent = find_incumbent(index);
    if (set_.settings().hands_over && incumbent != nullptr) {
        hand_over(*incumbent, *fresh, now);
        return;
    }
    fresh->handover.reset(); // there is no worker to take over from
    settle(index, now);
}

void slot_candidates::hand_over(
    worker_process& incumbent,
    worker_process& candidate,
    time_point now
) {
    if (!send_message(
            incumbent,
            {core::worker_message::kind::hand_over, {}},
            candidate.handover.get()
        )) {
        set_.slots()[incumbent.slot].candidate_end = "cannot send HAND_OVER to the old worker";
    } else {
        incumbent.handed_over = true;
        candidate.act_at = now + handover_timeout;
    }
    candidate.handover.reset();
}

slot_candidates::retirement slot_candidates::retirement_of(std::size_t index, time_point now) {
    const worker_process* const fresh = find_candidate(index);
    if (!set_.settings().hands_over) {
        return retirement::done; // retire_old() has completed it
    }
    if (fresh == nullptr) {
        // It was completed before, or the candidate has ended.
        return set_.slots()[index].candidate_end.empty() ? retirement::done : retirement::refused;
    }
    if (!set_.slots()[index].candidate_end.empty()) {
        return retirement::refused;
    }
    const worker_process* const incumbent = find_incumbent(index);
    if (incumbent != nullptr) {
        return retirement::under_way;
    }
    settle(index, now);
    return retirement::done;
}

// Makes the candidate the worker of its slot; all other workers there leave.
void slot_candidates::settle(std::size_t index, time_point now) {
    worker_set::slot& its = set_.slots()[index];
    for (worker_process& worker : set_.workers()) {
        if (worker.slot != index) {
            continue;
        }
        if (worker.is_candidate) {
            worker.is_candidate = false;
            worker.act_at = time_point::max();
            its.plan = worker.plan;
            its.start_at.reset();
            set_.note_ready(worker, now);
            if (set_.settings().hands_over) {
                // Has no effect on a worker that has taken over.
                send_message(worker, {core::worker_message::kind::serve, {}});
            }
        } else if (!worker.is_ending()) {
            set_.end(worker, now);
        }
    }
}

void slot_candidates::ended(const worker_process& dead, std::string why, time_point now) {
    if (dead.slot >= set_.slots().size()) {
        return; // the slot was scaled away meanwhile
    }
    if (dead.now_is == worker_process::phase::ready) {
        why = "ended after it was ready: " + why;
    }
    worker_set::slot& its = set_.slots()[dead.slot];
    if (its.candidate_end.empty()) {
        its.candidate_end = std::move(why);
    }
    // The old worker may have handed everything over to it a moment ago.
    if (set_.settings().hands_over) {
        set_.fill(dead.slot, &dead, now);
    }
}

void slot_candidates::discard(std::size_t index, time_point now) {
    worker_process* const failed = find_candidate(index);
    if (failed == nullptr) {
        return;
    }
    failed->is_candidate = false; // its end is not reported as a failure any more
    send_message(*failed, {core::worker_message::kind::stop, {}});
    failed->now_is = worker_process::phase::stopping;
    failed->act_at = now + set_.supervision().stop_timeout;
}

} // namespace msd::process
