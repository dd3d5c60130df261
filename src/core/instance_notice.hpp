// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace msd::core {

// The state of an instance, for notifications of the service manager.
struct instance_condition {
    bool was_ready = false; // all pools have been READY
    bool is_stopping = false;
    std::string_view text; // one line for people; it is made printable and cut
};

// Decides which notifications of sd_notify(3) are due: READY and STOPPING once, the status line
// when it has changed, an extension of the timeout while the instance starts and stops (both can
// take longer than the unit allows, and both have limits of their own), and the watchdog's
// keep-alive. Returns text; process/service_manager sends it.
class instance_notice {
public:
    /// Requested again after a third of this time, so that one late datagram does no harm.
    static constexpr milliseconds extension{30'000};

    /// Of the status line. systemd ignores a datagram of more than 4,096 bytes.
    static constexpr std::size_t text_bytes_max = 1024;

    /// `watchdog`: the time within which the manager expects a keep-alive; zero: it expects none.
    explicit instance_notice(milliseconds watchdog) : watchdog_{watchdog} {}

    /// The lines that are due, `VAR=value` each with a newline; empty when nothing is due.
    [[nodiscard]] std::string lines_due(const instance_condition& now_is, time_point now);
    /// When lines_due() returns something without any change of state; time_point::max(): never.
    [[nodiscard]] time_point due() const;

    /// Before and after the configuration is read; empty while the instance starts or stops.
    [[nodiscard]] std::string reload_begins(time_point now) const;
    [[nodiscard]] std::string reload_ends() const;
    /// The notification of reload_ends() was not delivered: lines_due() returns it again.
    void lost_reload_end() { has_sent_ready_ = false; }

private:
    [[nodiscard]] bool is_serving() const { return has_sent_ready_ && !has_sent_stopping_; }

    milliseconds watchdog_;
    bool has_sent_ready_ = false;
    bool has_sent_stopping_ = false;
    std::string sent_text_;
    time_point extend_at_{};
    time_point alive_at_{};
};

} // namespace msd::core
