// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics.hpp"
#include "process/worker_pool.hpp"

#include <array>
#include <list>
#include <map>
#include <string>

namespace msd::process {

// What the master knows of its workers, as metrics: the admin worker shows them and says whether
// the instance is ready. They are in the scoreboard, so the master answers nobody.
class master_meters {
public:
    /// `board` outlives this object.
    explicit master_meters(const core::scoreboard& board);

    void update(const std::list<worker_pool>& pools);

private:
    static constexpr std::size_t phases = 4; // of worker_process::phase

    struct pool_meters {
        core::metric_cell slots;
        core::metric_cell ready;
        std::array<core::metric_cell, phases> workers;
        core::followed_counter exits;
        core::followed_counter signals;
        core::followed_counter kills;
    };

    [[nodiscard]] pool_meters& meters_of(const std::string& pool);

    core::metrics metrics_;
    std::map<std::string, pool_meters> pools_;
};

} // namespace msd::process
