// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/cell_time.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace msd::core::resilience {

// Counts of the last 10 s, in memory that several processes share: ten buckets of one second, for
// breaker, retry budget and success rates. One cell holds all counts of a bucket and the number of
// its second, and changes in one step, so there is no state between two writes in which a killed
// process could leave it. Zeroed memory is an empty window. When a count reaches its limit (2²⁴ for
// two counts, 2¹⁶ for three), all counts of the bucket are halved: the ratios stay.
template <std::size_t Counts>
struct window {
    static_assert(Counts == 2 || Counts == 3);
    using counts = std::array<std::uint64_t, Counts>;

    static constexpr std::size_t buckets = 10;
    static constexpr unsigned count_bits = 48 / Counts;
    static constexpr std::uint64_t count_max = (std::uint64_t{1} << count_bits) - 1;

    std::array<std::atomic<std::uint64_t>, buckets> cells;

    /// Each of `more` is at most count_max / 2.
    void add(const counts& more, time_point now) {
        const std::uint64_t second = ms_of(now) / 1000;
        auto& cell = cells[second % buckets];
        std::uint64_t before = cell.load(std::memory_order_relaxed);
        std::uint64_t after = 0;
        do {
            after = sum_of(before, tag_of(second), more);
        } while (!cell.compare_exchange_weak(before, after, std::memory_order_relaxed));
    }

    /// The sums of the current second and the nine before.
    [[nodiscard]] counts sums(time_point now) const {
        counts total{};
        const std::uint64_t second = ms_of(now) / 1000;
        for (std::uint64_t ago = 0; ago < buckets && ago <= second; ++ago) {
            const std::uint64_t then = second - ago;
            const std::uint64_t cell = cells[then % buckets].load(std::memory_order_relaxed);
            if (cell >> tag_shift != tag_of(then)) {
                continue;
            }
            for (std::size_t count = 0; count < Counts; ++count) {
                total[count] += (cell >> (count * count_bits)) & count_max;
            }
        }
        return total;
    }

    void clear() {
        for (auto& cell : cells) {
            cell.store(0, std::memory_order_relaxed);
        }
    }

private:
    static constexpr unsigned tag_shift = 48;
    static constexpr std::uint64_t ahead_max = 6; // times 10 s, of another process

    // Repeats after 7.6 days; then a bucket that was unused for all that time counts once more.
    static constexpr std::uint64_t tag_of(std::uint64_t second) {
        return (second / buckets) & 0xFFFF;
    }

    static constexpr std::uint64_t
    sum_of(std::uint64_t cell, std::uint64_t tag, const counts& more) {
        const std::uint64_t stored = cell >> tag_shift;
        // A process whose time is old must not clear what others count since. An unused cell is
        // never newer.
        const bool is_stored_newer = cell != 0 && ((stored - tag) & 0xFFFF) <= ahead_max;
        const std::uint64_t base = is_stored_newer ? cell : 0;
        counts sums{};
        bool is_full = false;
        for (std::size_t count = 0; count < Counts; ++count) {
            sums[count] = ((base >> (count * count_bits)) & count_max) + more[count];
            is_full = is_full || sums[count] > count_max;
        }
        std::uint64_t made = (is_stored_newer ? stored : tag) << tag_shift;
        for (std::size_t count = 0; count < Counts; ++count) {
            made |= (is_full ? sums[count] / 2 : sums[count]) << (count * count_bits);
        }
        return made;
    }
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared between processes");
static_assert(std::is_standard_layout_v<window<2>> && sizeof(window<2>) == 80);

} // namespace msd::core::resilience
