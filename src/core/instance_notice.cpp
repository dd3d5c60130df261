// SPDX-License-Identifier: Apache-2.0
#include "core/instance_notice.hpp"

#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace msd::core {

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

} // namespace

std::string instance_notice::lines_due(const instance_condition& now_is, time_point now) {
    std::string lines;
    if (now_is.was_ready && !now_is.is_stopping && !has_sent_ready_) {
        has_sent_ready_ = true;
        lines += "READY=1\n";
    }
    if (now_is.is_stopping && !has_sent_stopping_) {
        has_sent_stopping_ = true;
        extend_at_ = now;
        lines += "STOPPING=1\n";
    }
    if (now_is.text != sent_text_) {
        sent_text_ = now_is.text;
        // A line feed in it would begin another variable.
        lines += fmt::format("STATUS={}\n", cut_text(printable(sent_text_), text_bytes_max));
    }
    if (!is_serving() && now >= extend_at_) {
        extend_at_ = now + extension / 3;
        lines += fmt::format("EXTEND_TIMEOUT_USEC={}\n", microseconds{extension}.count());
    }
    if (watchdog_ > milliseconds{0} && now >= alive_at_) {
        alive_at_ = now + watchdog_ / 2;
        lines += "WATCHDOG=1\n";
    }
    return lines;
}

time_point instance_notice::due() const {
    const time_point extend = is_serving() ? time_point::max() : extend_at_;
    const time_point alive = watchdog_ > milliseconds{0} ? alive_at_ : time_point::max();
    return std::min(extend, alive);
}

std::string instance_notice::reload_begins(time_point now) const {
    if (!is_serving()) {
        return {};
    }
    // steady_clock is CLOCK_MONOTONIC, which is what the manager compares with.
    const auto since_boot = duration_cast<microseconds>(now.time_since_epoch());
    return fmt::format("RELOADING=1\nMONOTONIC_USEC={}\n", since_boot.count());
}

std::string instance_notice::reload_ends() const {
    return is_serving() ? "READY=1\n" : "";
}

} // namespace msd::core
