// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/metric_families.hpp"
#include "core/scoreboard.hpp"

#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The metrics of an instance in its scoreboard. A series (a metric with the values of its labels)
// has a number of cells at the same place in the block of every worker; a table of names, which all
// workers share, says which. A worker adds to its own block, and a reader adds all blocks up
// (core/metrics_text.hpp), so an update needs neither lock nor system call. A block is not cleared
// when its worker ends: the next worker of the line continues its counters.
//
// There is no lock in the table either: a series gets the next free entry, and is visible once its
// hash is written. A worker that is killed in between leaves an entry that stays unused, and two
// workers that add the same series at the same time make two entries, which readers add up. Any
// process that has the memory can write any value: then figures are wrong, and nothing else.
namespace msd::core {

using metric_value = std::atomic<std::uint64_t>;

// A counter or a gauge. Of the default one nothing remains.
class metric_cell {
public:
    metric_cell() = default;
    explicit metric_cell(metric_value* at) : at_{at} {}

    // One thread of one process writes a cell, so no locked instruction is needed.
    void add(std::uint64_t count = 1) const {
        if (at_ != nullptr) {
            at_->store(at_->load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
        }
    }
    void subtract(std::uint64_t count = 1) const { add(0 - count); }
    void set(std::uint64_t value) const {
        if (at_ != nullptr) {
            at_->store(value, std::memory_order_relaxed);
        }
    }

    /// Whether updates of both are updates of one.
    friend bool operator==(const metric_cell& one, const metric_cell& other) = default;

private:
    friend class shared_gauges;
    metric_value* at_ = nullptr;
};

// A counter that follows one which its owner keeps elsewhere, from 0 on.
class followed_counter {
public:
    followed_counter() = default;
    explicit followed_counter(metric_cell cell) : cell_{cell} {}

    void follow(std::uint64_t now) {
        cell_.add(now - last_);
        last_ = now;
    }

private:
    metric_cell cell_;
    std::uint64_t last_ = 0;
};

// The gauges of the kind shared_gauge of one worker, which it publishes in rounds. What a round
// does not note any more becomes 0, so nobody has to clear the gauge of something that is gone.
class shared_gauges {
public:
    /// Of several values for one cell (the series "other"), the largest is published.
    void note(metric_cell cell, std::uint64_t value);
    void publish();

private:
    using round = std::vector<std::pair<metric_value*, std::uint64_t>>;
    round now_;
    round before_; // sorted by cell, each once
};

// A histogram of durations.
class duration_cells {
public:
    // Upper ends; a last bucket has everything above. Prometheus writes them in seconds.
    static constexpr std::array<std::chrono::microseconds, 14> ends{
        {std::chrono::microseconds{500},
         std::chrono::microseconds{1000},
         std::chrono::microseconds{2500},
         std::chrono::microseconds{5000},
         std::chrono::microseconds{10'000},
         std::chrono::microseconds{25'000},
         std::chrono::microseconds{50'000},
         std::chrono::microseconds{100'000},
         std::chrono::microseconds{250'000},
         std::chrono::microseconds{500'000},
         std::chrono::microseconds{1'000'000},
         std::chrono::microseconds{2'500'000},
         std::chrono::microseconds{5'000'000},
         std::chrono::microseconds{10'000'000}}};
    static constexpr std::size_t buckets = ends.size() + 1;
    static constexpr std::size_t cells = buckets + 1; // the last one: the sum in nanoseconds

    duration_cells() = default;
    explicit duration_cells(metric_value* first) : first_{first} {}

    void note(std::chrono::nanoseconds took) const;

private:
    metric_value* first_ = nullptr;
};

// The cells that a metric of this kind has in a block.
constexpr std::size_t cells_of(metric_kind kind) {
    return kind == metric_kind::durations ? duration_cells::cells : 1;
}

// What one worker has counted. Zeroed memory is an empty one.
struct metric_block {
    static constexpr std::size_t cells_max = scoreboard::metrics_bytes / sizeof(metric_value) - 1;
    static constexpr std::size_t page_cells = 512;

    // Bits of the pages that have counts, page_cells cells each: a reader leaves the others alone,
    // because reading a page makes the kernel allocate it.
    metric_value pages;
    std::array<metric_value, cells_max> cells;

    [[nodiscard]] static std::uint64_t bit_of(std::size_t cell) {
        return std::uint64_t{1} << (cell + 1) / page_cells;
    }
    [[nodiscard]] bool has(std::size_t cell) const {
        return (pages.load(std::memory_order_relaxed) & bit_of(cell)) != 0;
    }
};

static_assert(sizeof(metric_block) <= scoreboard::metrics_bytes);

/// The block of a line, or of scoreboard::master_line.
[[nodiscard]] metric_block& block_of(const scoreboard& board, std::size_t line);

// The table of names. Zeroed memory is an empty one.
struct metric_names {
    // Of a label value; longer ones are cut.
    static constexpr std::size_t label_bytes_max = 96;
    static constexpr std::size_t series_max = 5880;

    struct entry {
        std::atomic<std::uint32_t> cell; // the first one in each block
        std::atomic<std::uint16_t> length;
        std::atomic<std::uint8_t> kind; // a metric_kind, for programs that do not know the metric
        // The metric's name, then a unit_separator and a value for each label.
        std::array<char, 344> text;
    };

    static constexpr char unit_separator = '\x1f';

    std::atomic<std::uint32_t> lines_used; // lines from 0 on that may have counts
    std::atomic<std::uint32_t> series_used;
    std::atomic<std::uint32_t> cells_used; // of each block
    std::array<std::uint32_t, 13> unused;
    std::array<std::atomic<std::uint32_t>, series_max> hashes; // 0: the entry is not complete
    std::array<entry, series_max> entries;

    /// What the entry names, copied because it may change at any time; nothing when it is not
    /// complete or contains what no worker writes.
    [[nodiscard]] std::string_view
    read(std::size_t index, std::array<char, sizeof(entry::text)>& into) const;
};

static_assert(sizeof(metric_names) <= scoreboard::metric_names_bytes);

[[nodiscard]] metric_names& names_of(const scoreboard& board);

static_assert(std::atomic<std::uint8_t>::is_always_lock_free, "shared between processes");

// How one process counts. Finding a cell takes microseconds, so its owner keeps it.
// Single-threaded.
class metrics {
public:
    /// Counts nothing.
    metrics() = default;
    /// For the worker of `line`, or with scoreboard::master_line for the master. Clears the gauges
    /// that an earlier worker has left. `board` outlives this object and all cells.
    metrics(const scoreboard& board, std::size_t line);

    /// `labels`: as many values as the metric has labels. Beyond the metric's series_max, and when
    /// the table is full, the result is the cell of the series whose values are all "other".
    [[nodiscard]] metric_cell
    cell_of(metric which, std::initializer_list<std::string_view> labels = {});
    /// The same for a metric of the kind `durations`.
    [[nodiscard]] duration_cells
    durations_of(metric which, std::initializer_list<std::string_view> labels = {});

private:
    [[nodiscard]] metric_value* find_or_add(metric which, std::span<const std::string_view> labels);
    [[nodiscard]] metric_value* find(std::uint32_t hash, std::string_view text, metric_kind kind);
    [[nodiscard]] metric_value* add(std::uint32_t hash, std::string_view text, metric_kind kind);
    [[nodiscard]] bool has_room(const metric_family& of) const;
    [[nodiscard]] metric_value* take(std::size_t cell, metric_kind kind) const;
    void clear_gauges();

    metric_names* names_ = nullptr;
    metric_block* block_ = nullptr;
    // Metrics that had no room: there will be none later.
    std::bitset<static_cast<std::size_t>(metric::end_of_list)> full_;
};

} // namespace msd::core
