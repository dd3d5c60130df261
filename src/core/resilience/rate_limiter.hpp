// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/resilience/rate.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace msd::core::resilience {

// Rate limits by the generic cell rate algorithm (GCRA; ITU-T I.371, ATM Forum TM 4.1): one number
// per key, the theoretical arrival time of the next request. A request is allowed when that is at
// most `burst` intervals ahead, and moves it by one interval. A client that never waits gets
// exactly the rate, and one that was silent up to 1 + burst requests at once. Used for whole hosts:
// the numbers are in memory that all workers share.

struct limit_settings {
    rate allowed{100, std::chrono::seconds{1}};
    std::uint32_t burst = 1; // requests beyond the rate that are allowed at once
};

struct limit_decision {
    bool is_allowed = true;
    std::uint64_t remaining = 0; // requests that would be allowed at once now
    milliseconds retry_after{0}; // of a refusal: until one is allowed, rounded up
    milliseconds reset_after{0}; // until the whole burst is there again, rounded up
    // The fields of draft-ietf-httpapi-ratelimit-headers: RateLimit-Policy has q = `quota` and
    // w = `window`, RateLimit has r = `remaining` and t = `reset_after`.
    std::uint64_t quota = 0;
    std::chrono::seconds window{1};
};

/// Takes one request from `cell`, the arrival time in ns of the steady clock; 0: unused. Changes in
/// one step; several processes may call this at once, and the limit is exact. A value that no
/// worker can have written counts as unused.
[[nodiscard]] limit_decision
take_request(std::atomic<std::uint64_t>& cell, const limit_settings& settings, time_point now);

// A table of such numbers by key, in a fixed number of cells that the caller owns. A key has a
// place only while it has used part of its burst; a place that is not needed any more is taken by
// the next key. When all eight places for a key are in use, it takes the one whose time is the
// earliest, with that time: so the requests that pass are never more than rate × places, and memory
// does not grow, however many keys there are. A place is two cells, the key and the time, which are
// written one after the other; a worker that is killed in between leaves a key with a time that is
// over, as if it had been unused. Two workers that take a place at the same moment can charge one
// request to the wrong key of the two. Zeroed memory is an empty table.
class limiter_table {
public:
    static constexpr std::size_t ways = 8; // places for a key
    static constexpr std::size_t cells_per_key = 2;

    /// The number of cells for a table of at least `keys` keys.
    [[nodiscard]] static constexpr std::size_t cells_for(std::size_t keys) {
        return (keys + ways - 1) / ways * ways * cells_per_key;
    }

    /// `cells` is not empty, and its size a result of cells_for(). It outlives this.
    explicit limiter_table(std::span<std::atomic<std::uint64_t>> cells) : cells_{cells} {}

    /// `key`: keyed_hash() of the text of the key and the name of the limit. Each limit has its own
    /// settings; those of one key are equal in all workers.
    [[nodiscard]] limit_decision
    take(std::uint64_t key, const limit_settings& settings, time_point now) const;

    /// What take() would answer if it took nothing: `remaining` includes the request that asks.
    [[nodiscard]] limit_decision
    look(std::uint64_t key, const limit_settings& settings, time_point now) const;

private:
    std::span<std::atomic<std::uint64_t>> cells_;
};

} // namespace msd::core::resilience
