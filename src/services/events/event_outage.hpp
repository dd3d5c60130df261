// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "store/outage_log.hpp"

#include <optional>
#include <string>
#include <utility>

namespace msd::services {

// Logs that the service events cannot be used, once it has been so for a while: at a start, others
// may be ready earlier.
class event_outage {
public:
    static constexpr milliseconds expected{10'000};
    static constexpr milliseconds remind_after{600'000};
    static constexpr milliseconds remind_every{3'600'000};

    explicit event_outage(std::string what) : log_{std::move(what)} {}

    void answered() {
        since_.reset();
        log_.answered();
    }

    void failed(const error& why, time_point now) {
        if (!since_) {
            since_ = now;
            remind_at_ = now + remind_after;
        }
        if (now - *since_ >= expected) {
            log_.failed(why, now);
        }
    }

    /// True once when the outage has lasted for remind_after, and each remind_every from then on.
    [[nodiscard]] bool reminds(time_point now) {
        if (!since_ || now < remind_at_) {
            return false;
        }
        remind_at_ = now + remind_every;
        return true;
    }

private:
    store::outage_log log_;
    std::optional<time_point> since_; // of the present outage
    time_point remind_at_;
};

} // namespace msd::services
