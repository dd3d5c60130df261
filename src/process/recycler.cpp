// SPDX-License-Identifier: Apache-2.0
#include "process/recycler.hpp"

#include "base/log.hpp"

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

namespace msd::process {

void recycler::advance(const supervision_settings& supervision, time_point now) {
    if (!rolls_.is_idle()) {
        return;
    }
    if (rolls_.was_aborted(std::exchange(last_, 0))) {
        // The worker stays, since its replacement failed.
        turns_.pause_until(now + supervision.restart.backoff_max);
    }
    const auto pool_of = [this](std::size_t index) {
        return std::next(pools_.begin(), static_cast<std::ptrdiff_t>(index));
    };
    std::optional<std::size_t> slot;
    const auto has_one_due = [&pool_of, &slot](std::size_t index) {
        slot = pool_of(index)->limits().slot_to_recycle();
        return slot.has_value();
    };
    if (const auto taken = turns_.take(pools_.size(), has_one_due, now)) {
        const std::string& name = pool_of(*taken)->name();
        log::info("{}/{} is recycled", name, *slot);
        roll_request wanted{roll_request::kind::same_plan, {}, {{name, *slot}}};
        last_ = rolls_.request(std::move(wanted), supervision.soak);
    }
}

} // namespace msd::process
