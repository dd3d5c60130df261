// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

// Replaces healthy workers after a number of requests or above a memory limit: decides when a
// worker is due and which pool is next. Knows no processes; time is an argument.
namespace msd::core {

struct recycling_limits {
    std::uint64_t requests = 0; // a worker that has answered this many is replaced; 0: never
    std::uint64_t bytes = 0;    // a worker with this much private memory is replaced; 0: never

    /// The worker may answer `percent` more requests. With a different percentage for each worker,
    /// workers that share the load evenly are not due at the same time.
    [[nodiscard]] bool reached_by_requests(std::uint64_t answered, int percent) const {
        const std::uint64_t more = requests * static_cast<std::uint64_t>(percent) / 100;
        return requests != 0 && answered >= requests + more;
    }

    /// Whether a worker that used `when_ready` bytes when it was READY is replaced because of its
    /// memory. A worker that started above the limit is not replaced, because its replacement would
    /// also start above it.
    [[nodiscard]] bool watches_memory_from(std::uint64_t when_ready) const {
        return when_ready < bytes;
    }
};

// Replaces one worker at a time and takes the pools in turn, so that a pool whose workers are
// always due does not starve the others. Pauses after a replacement has failed.
class recycling_turns {
public:
    /// The next of `pools` pools, starting after the one returned before, that has a worker due.
    /// Returns no pool during a pause.
    [[nodiscard]] std::optional<std::size_t>
    take(std::size_t pools, const std::function<bool(std::size_t)>& has_one_due, time_point now) {
        if (now < paused_until_) {
            return std::nullopt;
        }
        for (std::size_t looked = 0; looked < pools; ++looked) {
            const std::size_t pool = (next_ + looked) % pools;
            if (has_one_due(pool)) {
                next_ = pool + 1;
                return pool;
            }
        }
        return std::nullopt;
    }

    void pause_until(time_point then) { paused_until_ = then; }

private:
    std::size_t next_ = 0;
    time_point paused_until_{};
};

} // namespace msd::core
