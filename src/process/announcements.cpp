// SPDX-License-Identifier: Apache-2.0
#include "process/announcements.hpp"

#include <algorithm>
#include <utility>

namespace msd::process {

announcements::announcements(
    std::list<worker_pool>& pools,
    std::function<void(const worker_pool&)> on_pool,
    std::function<void()> on_all
)
    : pools_{pools},
      on_pool_{std::move(on_pool)},
      on_all_{std::move(on_all)} {}

void announcements::advance(bool is_serving) {
    announced_.resize(pools_.size());
    std::size_t index = 0;
    for (const worker_pool& each : pools_) {
        if (!announced_[index] && each.is_ready()) {
            announced_[index] = true;
            on_pool_(each);
        }
        ++index;
    }
    const bool all =
        std::all_of(announced_.begin(), announced_.end(), [](bool one) { return one; });
    if (all && !are_complete_ && is_serving) {
        are_complete_ = true;
        on_all_();
    }
}

std::string_view announcements::state() const {
    const bool ready = std::all_of(pools_.begin(), pools_.end(), [](const worker_pool& each) {
        return each.is_ready();
    });
    if (ready) {
        return "ready";
    }
    const bool degraded = std::any_of(pools_.begin(), pools_.end(), [](const worker_pool& each) {
        return each.is_degraded();
    });
    return are_complete_ && degraded ? "degraded" : "starting";
}

bool announcements::includes(std::size_t pool) const {
    return pool < announced_.size() && announced_[pool];
}

void announcements::resume(std::vector<bool> announced, bool are_complete) {
    announced_ = std::move(announced);
    are_complete_ = are_complete;
}

} // namespace msd::process
