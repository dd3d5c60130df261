// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "process/launch_plan.hpp"
#include "process/worker_process.hpp"
#include "process/worker_set.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace msd::process {

// The candidates of a roll: the second worker of a slot, and how it replaces the first one.
class slot_candidates {
public:
    // Progress of replacing the old worker of a slot by a candidate.
    enum class retirement : std::uint8_t { under_way, done, refused };

    /// `of` outlives this object.
    explicit slot_candidates(worker_set& of) : set_{of} {}

    /// Starts a second worker for the slot. It may end by itself: see find().
    [[nodiscard]] result<void> start(std::size_t index, const shared_plan& plan, time_point now);
    /// Null when it has ended; the candidate_end of the slot has the reason.
    [[nodiscard]] const worker_process* find(std::size_t index) const;
    /// Makes the candidate the worker of the slot and tells the old worker to drain or, in a pool
    /// that hands over, to hand over: see retirement_of().
    void retire_old(std::size_t index, time_point now);
    /// refused: the old worker continues, so discard the candidate; candidate_end has the reason.
    [[nodiscard]] retirement retirement_of(std::size_t index, time_point now);
    void discard(std::size_t index, time_point now);
    /// The process of a candidate has ended, for that reason.
    void ended(const worker_process& dead, std::string why, time_point now);

private:
    [[nodiscard]] worker_process* find_candidate(std::size_t index);
    [[nodiscard]] worker_process* find_incumbent(std::size_t index);
    void hand_over(worker_process& incumbent, worker_process& candidate, time_point now);
    void settle(std::size_t index, time_point now);

    worker_set& set_;
};

} // namespace msd::process
