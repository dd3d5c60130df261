// SPDX-License-Identifier: Apache-2.0
// How a master stops: one rank of pools after the other.
#include "base/log.hpp"
#include "process/master.hpp"

#include <algorithm>
#include <limits>

namespace msd::process {

namespace {

// In a fast stop each rank has that long for requests in flight, then the next one stops.
constexpr milliseconds fast_rank_time{1000};

// Stored sockets stay for this time; a drain seldom takes longer. systemd keeps them over a
// restart, so that connections made meanwhile wait for the next master, and closes them after a
// stop. When a drain takes longer, they are removed, so that clients are refused instead of
// waiting.
constexpr milliseconds stored_while_draining{2000};

} // namespace

void master::begin_stop(mode how, time_point now) {
    if (mode_ >= how) {
        return;
    }
    log::info("stopping{}", how == mode::stopping_fast ? " at once" : "");
    mode_ = how;
    forget_stored_at_ = how == mode::stopping_fast ? now : now + stored_while_draining;
    rolls_.abandon(now);
    reloads_.abandon();
    upgrade_.abandon("the instance stops");
    for (worker_pool& each : pools_) {
        each.expect_end();
    }
    if (how == mode::stopping_fast) {
        kill_at_ = now + settings_.supervision.stop_timeout;
        next_rank_at_ = now + fast_rank_time;
        for (worker_pool& each : pools_) {
            if (each.is_stopping()) {
                each.stop(kill_at_);
            }
        }
    }
    stop_next_rank(now);
}

// Closing a terminal sends HUP twice, from the kernel and from the shell: the second one must not
// make the stop a fast one.
void master::on_hangup(time_point now) {
    if (!terminal_.is_gone()) {
        static_cast<void>(reload(now)); // it has logged what is wrong
        return;
    }
    if (mode_ == mode::serving) {
        log::info("the terminal on which this instance was started has been closed");
    }
    begin_stop(mode::stopping, now);
}

// Ranks stop one after the other, so that a pool with requests in flight finds the pools that it
// calls still serving.
void master::stop_next_rank(time_point now) {
    // First, because a rank that drains for long ends this function early.
    if (now >= forget_stored_at_) {
        forget_stored_at_ = time_point::max();
        for (const worker_pool& each : pools_) {
            manager_.forget(each.name());
        }
    }
    int rank = std::numeric_limits<int>::max();
    bool earlier_gone = true;
    for (const worker_pool& each : pools_) {
        if (!each.is_stopping()) {
            rank = std::min(rank, each.stop_rank());
        } else if (!each.workers().empty()) {
            earlier_gone = false;
        }
    }
    if (!earlier_gone && now < next_rank_at_) {
        return;
    }
    for (worker_pool& each : pools_) {
        if (each.is_stopping() || each.stop_rank() != rank) {
            continue;
        }
        if (mode_ == mode::stopping_fast) {
            each.stop(kill_at_);
            next_rank_at_ = now + fast_rank_time;
        } else {
            each.drain(now);
        }
    }
}

bool master::all_gone() const {
    return std::all_of(pools_.begin(), pools_.end(), [](const worker_pool& each) {
        return each.is_stopping() && each.workers().empty();
    });
}

} // namespace msd::process
