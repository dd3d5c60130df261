// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

// The number of requests in flight, counted for all workers of a host: a total that all of them
// change, and a part for each worker, which only that worker changes. A worker that is killed
// cannot undo its part; its master subtracts it with reclaim_in_flight() when it has ended. The
// part is changed after the total at the start of a request and before it at the end, so that a
// worker that is killed in between leaves at most one request too many in the total.
namespace msd::core::resilience {

using shared_count = std::atomic<std::int32_t>;
static_assert(shared_count::is_always_lock_free, "shared between processes");

/// Never negative, whatever was written.
[[nodiscard]] inline std::int32_t requests_in(const shared_count& count) {
    return std::max(0, count.load(std::memory_order_relaxed));
}

/// A request begins; `own` is the caller's part.
inline void begin_request(shared_count& total, shared_count& own) {
    total.fetch_add(1, std::memory_order_relaxed);
    own.fetch_add(1, std::memory_order_relaxed);
}

/// As begin_request(), unless `limit` requests are in flight. The limit is exact.
[[nodiscard]] inline bool
begin_request_below(std::int32_t limit, shared_count& total, shared_count& own) {
    std::int32_t before = total.load(std::memory_order_relaxed);
    do {
        if (before >= limit) {
            return false;
        }
    } while (!total.compare_exchange_weak(before, before + 1, std::memory_order_relaxed));
    own.fetch_add(1, std::memory_order_relaxed);
    return true;
}

/// The end of a request for which begin_request() was called.
inline void end_request(shared_count& total, shared_count& own) {
    own.fetch_sub(1, std::memory_order_relaxed);
    total.fetch_sub(1, std::memory_order_relaxed);
}

/// Subtracts what a dead worker has left, before another worker uses its part.
inline void reclaim_in_flight(shared_count& total, shared_count& own) {
    total.fetch_sub(std::max(0, own.exchange(0, std::memory_order_relaxed)));
}

} // namespace msd::core::resilience
