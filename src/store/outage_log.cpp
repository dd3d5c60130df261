// SPDX-License-Identifier: Apache-2.0
#include "store/outage_log.hpp"

#include "base/log.hpp"

namespace msd::store {

void outage_log::failed(const error& why, time_point now) {
    if (down_) {
        return;
    }
    down_ = true;
    told_ = told_at_ == time_point::min() || now - told_at_ >= quiet;
    if (told_) {
        told_at_ = now;
        log::error("{}: {}", what_, why.text);
    }
}

void outage_log::recovered() {
    down_ = false;
    if (std::exchange(told_, false)) {
        log::info("{}: works again", what_);
    }
}

} // namespace msd::store
