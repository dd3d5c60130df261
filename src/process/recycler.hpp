// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/recycling.hpp"
#include "process/pool_settings.hpp"
#include "process/rolling.hpp"
#include "process/worker_pool.hpp"

#include <cstdint>
#include <list>

namespace msd::process {

// Rolls workers that exceed a limit of recycling, one at a time.
class recycler {
public:
    /// `pools` and `rolls` outlive this object.
    recycler(std::list<worker_pool>& pools, rolling& rolls) : pools_{pools}, rolls_{rolls} {}

    /// Requests the roll of one worker when no other roll is active or waits.
    void advance(const supervision_settings& supervision, time_point now);

private:
    std::list<worker_pool>& pools_;
    rolling& rolls_;
    std::uint64_t last_ = 0; // the last roll requested here; 0: its result has been seen
    core::recycling_turns turns_;
};

} // namespace msd::process
