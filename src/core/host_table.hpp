// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace msd::core {

// State of things that come and go at run time (services, endpoints, routes) in memory that all
// workers of a host share: a fixed number of places, each with the key of its owner. All workers
// that use the same key get the same place. Whoever uses a place calls keep() for it regularly; a
// place that nobody kept for `unused_after` is given to the next key that needs one. So a worker
// that is killed leaves nothing that has to be cleaned up, and the memory does not grow. Zeroed
// memory is an empty table.
//
// Every step is one atomic operation. Two workers can take two places for one key when a place
// becomes free at that moment; a second call of find_or_take() some seconds after the first one
// finds the first of them in both workers. While a place changes its owner, the old one may change
// the cell for a moment after it was cleared.
//
// Cell has only lock-free atomics, and clear().
template <class Cell, std::uint32_t Places>
struct host_table {
    static_assert(std::is_standard_layout_v<Cell>);
    static constexpr std::uint32_t places = Places;
    static constexpr std::chrono::seconds unused_after{60};
    /// keep() is to be called at least this often.
    static constexpr std::chrono::seconds keep_every{10};

    std::array<std::atomic<std::uint64_t>, Places> keys;   // 0: free
    std::array<std::atomic<std::uint32_t>, Places> kept_s; // see seconds_of()
    std::atomic<std::uint32_t> end;                        // places from here on were never used
    std::array<Cell, Places> cells;

    /// The place of `key` (not 0), which is taken if there is none. nullopt: every place is in use.
    /// O(places in use).
    [[nodiscard]] std::optional<std::uint32_t> find_or_take(std::uint64_t key, time_point now) {
        const std::uint32_t second = seconds_of(now);
        if (const auto found = find(key)) {
            kept_s[*found].store(second, std::memory_order_relaxed);
            return found;
        }
        for (std::uint32_t place = 0; place < Places; ++place) {
            std::uint64_t owner = keys[place].load(std::memory_order_relaxed);
            if (owner == key) {
                return place; // another worker was faster
            }
            if (owner != 0 && !is_unused(place, second)) {
                continue;
            }
            kept_s[place].store(second, std::memory_order_relaxed);
            if (keys[place].compare_exchange_strong(owner, key)) {
                cells[place].clear();
                raise_end(place + 1);
                return place;
            }
            if (owner == key) {
                return place;
            }
        }
        return std::nullopt;
    }

    /// Keeps `place` for `key`, which got it from find_or_take(). Returns the place to use from now
    /// on: another one when this one was given away meanwhile; nullopt: none is left.
    [[nodiscard]] std::optional<std::uint32_t>
    keep(std::uint32_t place, std::uint64_t key, time_point now) {
        if (keys[place].load(std::memory_order_relaxed) != key) {
            return find_or_take(key, now);
        }
        kept_s[place].store(seconds_of(now), std::memory_order_relaxed);
        return place;
    }

    [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t key) const {
        const std::uint32_t used = std::min(end.load(std::memory_order_relaxed), Places);
        for (std::uint32_t place = 0; place < used; ++place) {
            if (keys[place].load(std::memory_order_relaxed) == key) {
                return place;
            }
        }
        return std::nullopt;
    }

private:
    static std::uint32_t seconds_of(time_point at) {
        using std::chrono::seconds;
        return static_cast<std::uint32_t>(
            std::chrono::duration_cast<seconds>(at.time_since_epoch()).count()
        );
    }

    // A time in the future was written by a worker whose clock was read later, or by none.
    [[nodiscard]] bool is_unused(std::uint32_t place, std::uint32_t second) const {
        const std::uint32_t kept = kept_s[place].load(std::memory_order_relaxed);
        const auto ago = static_cast<std::int32_t>(second - kept);
        return ago > unused_after.count() || ago < -unused_after.count();
    }

    void raise_end(std::uint32_t to) {
        std::uint32_t before = end.load(std::memory_order_relaxed);
        while (before < to && !end.compare_exchange_weak(before, to)) {
        }
    }
};

} // namespace msd::core
