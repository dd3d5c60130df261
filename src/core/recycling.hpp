// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

// Workers that are replaced although they are well, because of what they have done or hold: what
// makes one due, and whose turn it is. Knows no processes and no clock.
namespace msd::core {

struct recycling_limits {
    std::uint64_t requests = 0; // a worker that answered so many is replaced; 0: never
    std::uint64_t bytes = 0;    // … or has so much private memory; 0: never

    /// `percent` more are allowed to that worker. When each is allowed something else, workers that
    /// share the load evenly do not come due together.
    [[nodiscard]] bool reached_by_requests(std::uint64_t answered, int percent) const {
        const std::uint64_t more = requests * static_cast<std::uint64_t>(percent) / 100;
        return requests != 0 && answered >= requests + more;
    }

    /// Whether a worker that had `when_ready` would be replaced for its memory some day. One that
    /// began with too much is not: the next would be no better.
    [[nodiscard]] bool watches_memory_from(std::uint64_t when_ready) const {
        return when_ready < bytes;
    }
};

// One worker at a time, pool after pool, so that a pool whose workers are always due keeps none of
// the others from their turn; and none for a while after a replacement has failed.
class recycling_turns {
public:
    /// The first of `pools` pools, beginning behind the one that was taken before, that has a
    /// worker due; it is taken. None while there is a pause.
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
