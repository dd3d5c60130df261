// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/resilience/in_flight.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace msd::core::resilience {

struct bulkhead_settings {
    std::int32_t requests = 1024;    // of a service in flight, on the host
    std::int32_t per_endpoint = 128; // for begin_request_below() of endpoint_load::in_flight
    std::int32_t queue = 128;        // of a service waiting, on the host
    milliseconds queue_wait{100};    // at most, and at most 10 % of the time left
    std::int32_t queue_percent = 10;
};

// The requests of a service in flight and waiting: totals of the host, or the part of one worker
// (in_flight.hpp). Zeroed memory is none.
struct bulkhead_counts {
    shared_count running;
    shared_count waiting;
};

/// Subtracts what a dead worker has left, before another worker uses its part.
inline void reclaim_requests(bulkhead_counts& host, bulkhead_counts& own) {
    reclaim_in_flight(host.running, own.running);
    reclaim_in_flight(host.waiting, own.waiting);
}

// Limits the requests of a service in flight, so that a service that hangs does not take all memory
// and connections of its callers (Nygard's bulkhead). Requests above the limit wait for a short
// time, first come first served within a worker; when too many wait, they are refused at once. The
// limits are those of the host. A request of another worker that ends wakes nobody here, so the
// caller also calls next() every few milliseconds while requests wait. Single-threaded; the caller
// owns both counts.
class bulkhead {
public:
    using id = std::uint64_t;

    enum class entry : std::uint8_t { entered, waits, refused };
    struct admission {
        entry what = entry::refused;
        time_point wait_until{}; // of `waits`
    };

    /// Allocates the places of the queue.
    bulkhead(const bulkhead_settings& settings, bulkhead_counts& host, bulkhead_counts& own);

    /// For requests from now on; those that wait keep their limits. The queue gets no larger than
    /// it was made.
    void apply(const bulkhead_settings& settings) { settings_ = settings; }

    /// `who` is a number of the caller. Refused: 503 with Retry-After.
    [[nodiscard]] admission enter(id who, deadline request, time_point now);
    /// A request that entered has ended.
    void leave() { end_request(host_.running, own_.running); }
    /// The next waiting request that enters now; call it after leave() until it returns nullopt.
    [[nodiscard]] std::optional<id> next(time_point now);
    /// A waiting request whose time is over: it is refused. Call it until it returns nullopt.
    [[nodiscard]] std::optional<id> expired(time_point now);
    /// The client of a waiting request no longer waits.
    void cancel(id who);

    [[nodiscard]] std::size_t waiting() const { return waiters_; }

private:
    struct waiter {
        id who = 0;
        time_point until{};
        bool is_present = false;
    };

    [[nodiscard]] waiter& at(std::size_t place) { return queue_[place % queue_.size()]; }
    void remove(waiter& from);
    void drop_absent();
    void close_gaps();

    bulkhead_settings settings_;
    bulkhead_counts& host_;
    bulkhead_counts& own_;
    std::vector<waiter> queue_; // a ring
    std::size_t first_ = 0;
    std::size_t end_ = 0; // counts on, modulo the size of the ring
    std::size_t waiters_ = 0;
};

} // namespace msd::core::resilience
