// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process/worker_pool.hpp"

#include <cstddef>
#include <functional>
#include <list>
#include <string_view>
#include <vector>

namespace msd::process {

// Announces pools that are READY for the first time, and knows in which state the instance is.
class announcements {
public:
    /// `on_pool` is called when every slot of a pool is READY for the first time, `on_all` when
    /// that is so for all pools. `pools` outlives this object.
    announcements(
        std::list<worker_pool>& pools,
        std::function<void(const worker_pool&)> on_pool,
        std::function<void()> on_all
    );

    /// Announces what is due. Call it whenever the state of a worker has changed.
    void advance(bool is_serving);

    /// starting, ready, degraded; of an instance that does not stop.
    [[nodiscard]] std::string_view state() const;
    [[nodiscard]] bool are_complete() const { return are_complete_; }
    /// Whether that pool was announced, by its number in the order of the pools.
    [[nodiscard]] bool includes(std::size_t pool) const;
    /// Continues with what the earlier program in this process announced; one entry for each pool.
    void resume(std::vector<bool> announced, bool are_complete);

private:
    std::list<worker_pool>& pools_;
    std::function<void(const worker_pool&)> on_pool_;
    std::function<void()> on_all_;
    std::vector<bool> announced_; // per pool
    bool are_complete_ = false;
};

} // namespace msd::process
