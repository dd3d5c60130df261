// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics.hpp"

#include <initializer_list>
#include <string_view>

namespace msd::upstream {

// The metrics of the policies of one worker: counters, which service_guard and endpoint_group
// increase when something happens, and the state that the workers of the host share, which they
// note with each heartbeat.
class policy_meters {
public:
    /// `within` outlives this object and all cells; null: nothing is counted.
    explicit policy_meters(core::metrics* within = nullptr) : within_{within} {}

    /// See core::metrics. Takes microseconds, so whoever counts often keeps the cell.
    [[nodiscard]] core::metric_cell
    cell_of(core::metric which, std::initializer_list<std::string_view> labels) const {
        return within_ == nullptr ? core::metric_cell{} : within_->cell_of(which, labels);
    }
    [[nodiscard]] core::duration_cells
    durations_of(core::metric which, std::initializer_list<std::string_view> labels) const {
        return within_ == nullptr ? core::duration_cells{} : within_->durations_of(which, labels);
    }

    /// The state in this round; see core::shared_gauges.
    void note(core::metric_cell cell, std::uint64_t value) { states_.note(cell, value); }
    /// Ends the round.
    void publish() { states_.publish(); }

private:
    core::metrics* within_;
    core::shared_gauges states_;
};

} // namespace msd::upstream
