// SPDX-License-Identifier: Apache-2.0
#include "process/stopping.hpp"

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

void stopping::begin(mode how, milliseconds limit, time_point now) {
    mode_ = how;
    forget_stored_at_ = how == mode::stopping_fast ? now : now + stored_while_draining;
    for (worker_pool& each : pools_) {
        each.expect_end();
    }
    if (how == mode::stopping_fast) {
        kill_at_ = now + limit;
        next_rank_at_ = now + fast_rank_time;
        for (worker_pool& each : pools_) {
            if (each.is_stopping()) {
                each.stop(kill_at_);
            }
        }
    }
    advance(now);
}

void stopping::advance(time_point now) {
    if (mode_ == mode::serving) {
        return;
    }
    // First, because a rank that drains for long ends the next function early.
    if (now >= forget_stored_at_) {
        forget_stored_at_ = time_point::max();
        for (const worker_pool& each : pools_) {
            manager_.forget(each.name());
        }
    }
    stop_next_rank(now);
}

void stopping::stop_next_rank(time_point now) {
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

time_point stopping::due() const {
    time_point next = forget_stored_at_;
    for (const worker_pool& each : pools_) {
        if (mode_ == mode::stopping_fast && !each.is_stopping()) {
            next = std::min(next, next_rank_at_);
        }
    }
    return next;
}

bool stopping::all_gone() const {
    return std::all_of(pools_.begin(), pools_.end(), [](const worker_pool& each) {
        return each.is_stopping() && each.workers().empty();
    });
}

} // namespace msd::process
