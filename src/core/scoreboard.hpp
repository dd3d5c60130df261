// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/shared_memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

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

// The figures of all workers of a master, in memory that the master creates and every worker maps.
class scoreboard {
public:
    // For all pools together, including workers that are being replaced.
    static constexpr std::size_t lines_max = 4096;
    // The version of the layout of worker_figures: processes of different builds share the memory,
    // and a master with another layout must not take it over. A field that is added in unused
    // space, and whose value 0 means that its worker does not know it, keeps the version.
    static constexpr std::uint32_t layout = 1;

    /// errc::unavailable: no memory to share.
    [[nodiscard]] static result<scoreboard> create();
    /// `descriptor` comes from create(), possibly in another process. errc::invalid otherwise.
    [[nodiscard]] static result<scoreboard> adopt(unique_fd descriptor);

    /// `index` < lines_max.
    [[nodiscard]] worker_figures& line(std::size_t index) const { return lines()[index]; }
    [[nodiscard]] int descriptor() const { return memory_.descriptor(); }

private:
    using table = std::array<worker_figures, lines_max>;

    explicit scoreboard(shared_memory memory) : memory_{std::move(memory)} {}
    [[nodiscard]] table& lines() const { return *static_cast<table*>(memory_.data()); }

    shared_memory memory_;
};

} // namespace msd::core
