// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace msd::core {

// When rows were last written, so that a reader knows which rows a replica may not have yet. A
// row is identified by a number, the hash of its key. Rows whose numbers collide share a place;
// then a row only appears to have been written more recently than it was. The object is in memory
// that the workers of a service share, so that each worker sees the writes of all workers.
class recent_writes {
public:
    static constexpr std::size_t places = 1024; // a power of two

    void note(std::uint64_t thing, time_point now) {
        const auto at = now.time_since_epoch().count();
        raise(times_[thing % places], at);
        raise(last_, at);
    }

    /// A write that may have changed any row.
    void note_all(time_point now) {
        const auto at = now.time_since_epoch().count();
        raise(all_, at);
        raise(last_, at);
    }

    /// `thing` was written less than `span` before `now`.
    [[nodiscard]] bool within(std::uint64_t thing, milliseconds span, time_point now) const {
        return is_within(times_[thing % places], span, now) || is_within(all_, span, now);
    }

    /// Any row was written less than `span` before `now`.
    [[nodiscard]] bool any_within(milliseconds span, time_point now) const {
        return is_within(last_, span, now);
    }

private:
    using moment = std::atomic<clock::rep>; // of the steady clock; 0: never

    static void raise(moment& kept, clock::rep at) {
        auto before = kept.load(std::memory_order_relaxed);
        // A time in the future is from before a reboot: the steady clock has started again.
        while ((before < at || before - at > ahead_max.count()) &&
               !kept.compare_exchange_weak(before, at, std::memory_order_relaxed)) {
        }
    }

    [[nodiscard]] static bool is_within(const moment& kept, milliseconds span, time_point now) {
        const auto at = kept.load(std::memory_order_relaxed);
        if (at == 0) {
            return false;
        }
        const auto age = now.time_since_epoch() - clock::duration{at};
        return age < span && age > -ahead_max;
    }

    // Another process may have read the clock a little later than this one.
    static constexpr clock::duration ahead_max = std::chrono::seconds{1};

    std::array<moment, places> times_{};
    moment all_{};
    moment last_{};
};

static_assert(std::atomic<clock::rep>::is_always_lock_free, "shared between processes");

} // namespace msd::core
