// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/shared_memory.hpp"
#include "core/fault_board.hpp"
#include "core/resilience/host_state.hpp"
#include "core/worker_text.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace msd::core {

// The figures that one worker publishes in memory shared with its master and the other workers.
// Each field is written by one process, atomically, so the memory stays usable when a worker dies.
// Nothing enforces that: a hostile worker can write any value into any line. Its size is sealed,
// and every reader works with any value. A wrong value can have a worker replaced or a connection
// wait for 20 ms (accept_share); the worker's user may end the same processes with a signal as
// well.
struct alignas(64) worker_figures {
    std::atomic<std::int64_t>
        heartbeat_ns; // steady clock of the last turn of its event loop; 0: none yet
    std::atomic<std::uint64_t> connections;   // open now
    std::atomic<std::uint64_t> requests;      // answered since the worker started
    std::atomic<std::int64_t> beats_every_ms; // interval of the heartbeat; 0: unknown
    // For core/accept_share.hpp. A worker of an older program leaves all three 0.
    std::atomic<std::uint32_t> accepts_for; // a number of its pool; 0: does not accept
    std::atomic<std::uint32_t> accepted;    // connections since the worker started, modulo 2³²
    std::atomic<std::uint32_t> held;        // the number of these that are open
    // Memory that only the worker uses, see base/private_memory.hpp; 0: not measured yet.
    std::atomic<std::uint64_t> private_bytes;

    // The reader's `now` may be older than the heartbeat it reads, by as long as it was suspended.
    static constexpr milliseconds beat_ahead_max{60'000};

    void clear() {
        accepts_for = 0;
        accepted = 0;
        held = 0;
        heartbeat_ns = 0;
        beats_every_ms = 0;
        connections = 0;
        requests = 0;
        private_bytes = 0;
    }

    void beat(time_point now) {
        heartbeat_ns.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    }

    /// time_point{}: never. Any process that has the memory can have written any value: one that is
    /// negative or more than `beat_ahead_max` after `now` counts as none.
    [[nodiscard]] time_point last_beat(time_point now) const {
        const clock::duration since{heartbeat_ns.load(std::memory_order_relaxed)};
        const bool is_possible =
            since > clock::duration{} && since <= (now + beat_ahead_max).time_since_epoch();
        return is_possible ? std::min(time_point{since}, now) : time_point{};
    }
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared between processes");
static_assert(sizeof(worker_figures) == 64, "part of the layout");

// The memory that a master creates and every worker of its instance maps: the figures of the
// workers, the state that they share for the resilience policies, and their metrics. It stays the
// same memory over rolls, crashes and upgrades in place. Pages that nobody has used cost nothing.
class scoreboard {
public:
    // For all pools together, including workers that are being replaced.
    static constexpr std::size_t lines_max = 4096;
    // The version of the layout: processes of different builds share the memory, and a master with
    // another layout must not take it over. What is added in unused space, and whose value 0 means
    // that its worker does not know it, keeps the version.
    static constexpr std::uint32_t layout = 3;
    /// Bytes of metrics for each line. They are not cleared when a line gets another worker.
    static constexpr std::size_t metrics_bytes = std::size_t{128} * 1024;
    /// The block of metrics that belongs to the master, which has no line.
    static constexpr std::size_t master_line = lines_max;
    static constexpr std::size_t metric_names_bytes = std::size_t{2} << 20;

    /// errc::unavailable: no memory to share.
    [[nodiscard]] static result<scoreboard> create();
    /// `descriptor` comes from create(), possibly in another process. errc::invalid otherwise.
    [[nodiscard]] static result<scoreboard> adopt(unique_fd descriptor);

    /// `index` < lines_max.
    [[nodiscard]] worker_figures& line(std::size_t index) const { return all().lines[index]; }
    /// What the role of that worker says of itself: a JSON object, from which the master makes
    /// `stats` of its status.
    [[nodiscard]] worker_text& stats(std::size_t index) const { return all().stats[index]; }
    [[nodiscard]] resilience::host_state& shared() const { return all().shared; }
    /// What the worker of line `index` has in flight.
    [[nodiscard]] resilience::host_state::worker_parts& parts(std::size_t index) const {
        return all().parts[index];
    }
    /// Aligned to a page. `index` < lines_max, or master_line.
    [[nodiscard]] std::span<std::byte, metrics_bytes> metrics(std::size_t index) const {
        return all().metrics[index];
    }
    /// The names of metrics, which all workers share. Aligned to a page.
    [[nodiscard]] std::span<std::byte, metric_names_bytes> metric_names() const {
        return all().metric_names;
    }
    /// Written by the master only.
    [[nodiscard]] fault_board& faults() const { return all().faults; }
    [[nodiscard]] int descriptor() const { return memory_.descriptor(); }

private:
    static constexpr std::size_t page = 4096;
    using metrics_block = std::array<std::byte, metrics_bytes>;

    // The order is part of the layout.
    struct sections {
        std::array<worker_figures, lines_max> lines;
        alignas(page) std::array<worker_text, lines_max> stats;
        alignas(page) std::array<std::byte, metric_names_bytes> metric_names;
        alignas(page) std::array<metrics_block, lines_max + 1> metrics;
        alignas(page) resilience::host_state shared;
        alignas(page) std::array<resilience::host_state::worker_parts, lines_max> parts;
        alignas(page) fault_board faults;
    };

    explicit scoreboard(shared_memory memory) : memory_{std::move(memory)} {}
    [[nodiscard]] sections& all() const { return *static_cast<sections*>(memory_.data()); }

    shared_memory memory_;
};

} // namespace msd::core
