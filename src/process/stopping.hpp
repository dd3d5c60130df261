// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "process/service_manager.hpp"
#include "process/worker_pool.hpp"

#include <cstdint>
#include <list>

namespace msd::process {

// How an instance stops: one rank of pools after the other, so that a pool with requests in flight
// finds the pools that it calls still serving.
class stopping {
public:
    enum class mode : std::uint8_t { serving, stopping, stopping_fast };

    /// `pools` and `manager` outlive this object.
    stopping(std::list<worker_pool>& pools, const service_manager& manager)
        : pools_{pools},
          manager_{manager} {}

    /// Begins to stop, or stops faster. `limit`: the time of a worker to end in a fast stop.
    void begin(mode how, milliseconds limit, time_point now);
    /// Takes the steps that are due.
    void advance(time_point now);
    [[nodiscard]] time_point due() const;

    [[nodiscard]] mode now_is() const { return mode_; }
    [[nodiscard]] bool is_serving() const { return mode_ == mode::serving; }
    /// Every pool stops and has no worker any more.
    [[nodiscard]] bool all_gone() const;

private:
    void stop_next_rank(time_point now);

    std::list<worker_pool>& pools_;
    const service_manager& manager_;
    mode mode_ = mode::serving;
    time_point next_rank_at_ = time_point::max();     // fast stop: the next rank stops then
    time_point kill_at_ = time_point::max();          // fast stop: remaining workers get KILL then
    time_point forget_stored_at_ = time_point::max(); // stored sockets are kept until then
};

} // namespace msd::process
