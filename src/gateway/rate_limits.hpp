// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/resilience/keyed_hash.hpp"
#include "core/resilience/rate_limiter.hpp"
#include "core/scoreboard.hpp"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace msd::gateway {

// The numbers of all limits of requests, by key. They are in the memory that all workers of the
// host share, so that a limit holds for the host; a worker without that memory counts by itself.
class rate_limits {
public:
    /// The board outlives this.
    explicit rate_limits(const std::optional<core::scoreboard>& board);

    /// Takes a request; `key` names the limit and whose request it is.
    [[nodiscard]] core::resilience::limit_decision
    take(std::string_view key, const core::resilience::limit_settings& settings, time_point now)
        const {
        return table_.take(core::resilience::keyed_hash(hashing_, key), settings, now);
    }

    /// What is left, without taking anything; `remaining` includes the next request.
    [[nodiscard]] core::resilience::limit_decision
    look(std::string_view key, const core::resilience::limit_settings& settings, time_point now)
        const {
        return table_.look(core::resilience::keyed_hash(hashing_, key), settings, now);
    }

private:
    std::vector<std::atomic<std::uint64_t>> own_; // without a board; else empty
    core::resilience::hash_key hashing_;
    core::resilience::limiter_table table_;
};

} // namespace msd::gateway
