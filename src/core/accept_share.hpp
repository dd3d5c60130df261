// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/scoreboard.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace msd::core {

// Spreads connections evenly over the workers of a pool, which all accept from the same sockets.
// The kernel wakes them in turn, but in a burst the running worker accepts while its siblings wait
// for a processor. So a worker that has accepted a connection and has more open connections than an
// accepting sibling, by more than a margin, pauses: it leaves the sockets to its siblings until the
// difference is smaller.
//
// No connection starves: a pause ends after `pause_max`, and the worker accepts at least one
// connection between two pauses. When a connection waited and no sibling accepted it, the siblings
// may be hung or stopped, and the worker accepts without pauses for `alone_time`. A worker that is
// woken always accepts, so an idle pool answers without additional delay.
//
// closed() may be called by any thread, the other functions by one thread at a time.
class accept_share {
public:
    static constexpr milliseconds pause_max{20};
    static constexpr milliseconds alone_time{1000};

    /// Uses line `own` of `board`, which outlives this. `pool` is the pool's name.
    accept_share(const scoreboard& board, std::size_t own, std::string_view pool);

    /// This worker accepts from here on, until end().
    void begin();
    void end();

    void accepted();
    void closed();

    /// Whether to leave the sockets to the siblings now. The caller repeats the call every
    /// millisecond while the result is true. `is_waiting` returns whether a connection waits in the
    /// sockets' queues.
    [[nodiscard]] bool leaves_to_siblings(time_point now, const std::function<bool()>& is_waiting);

private:
    // The siblings that have fewer open connections than this worker, by more than the margin.
    struct siblings {
        bool any = false;
        std::uint32_t accepted = 0; // by all siblings, modulo 2³²
    };

    [[nodiscard]] siblings with_less() const;

    const scoreboard& board_;
    std::size_t own_;
    std::uint32_t pool_;
    bool has_accepted_ = false;       // a connection, since the last pause
    std::optional<time_point> since_; // start of the pause
    std::uint32_t accepted_before_ = 0;
    time_point alone_until_{};
};

} // namespace msd::core
