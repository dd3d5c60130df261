// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/log.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

namespace msd::upstream {

// The requests for which the time ran out, in the log: at most one line a second, with the number
// of those that had none, so that a service that hangs does not fill the log. The access log has
// every one.
class timeout_log {
public:
    /// `stage`: what the request waited for: connect, request, first byte, between bytes, queue, or
    /// whole, when its time was over whatever it waited for. `endpoint` may be empty.
    void note(
        std::string_view service,
        std::string_view endpoint,
        std::string_view stage,
        time_point now
    ) {
        if (now < next_) {
            ++left_out_;
            return;
        }
        next_ = now + std::chrono::seconds{1};
        const auto others = std::exchange(left_out_, 0);
        log::warning(
            "a request for {} timed out (stage: {}{}{}); further ones since the last such line: {}",
            service,
            stage,
            endpoint.empty() ? "" : ", at ",
            endpoint,
            others
        );
    }

private:
    time_point next_ = time_point::min();
    std::uint64_t left_out_ = 0;
};

} // namespace msd::upstream
