// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <string>
#include <string_view>

namespace msd::core {

// What a service manager is to know of an instance at one moment.
struct service_condition {
    bool was_ready = false; // everything was READY once
    bool is_stopping = false;
    std::string_view text; // one line for people
};

// Decides what of the protocol of sd_notify(3) is due: READY and STOPPING once, the status line
// when it has changed, more time while the instance starts and stops (both can take longer than a
// unit allows, and both have limits of their own), and the watchdog's sign of life. Only text;
// sending it is process/service_manager's.
class service_notice {
public:
    /// Asked for again after a third of it, so that one late datagram does no harm.
    static constexpr milliseconds extension{30'000};

    /// `watchdog`: the manager expects a sign of life within that time; zero: it does not.
    explicit service_notice(milliseconds watchdog) : watchdog_{watchdog} {}

    /// The lines that are due, `VAR=value` each with a newline; empty when there is nothing to say.
    [[nodiscard]] std::string say(const service_condition& now_is, time_point now);
    /// When say() has something to say without any change; time_point::max(): never.
    [[nodiscard]] time_point due() const;

    /// Frames a reading of the configuration; empty while the instance starts or stops.
    [[nodiscard]] std::string reload_begins(time_point now) const;
    [[nodiscard]] std::string reload_ends() const;
    /// What reload_ends() said did not arrive: say() says it again.
    void lost_reload_end() { told_ready_ = false; }

private:
    [[nodiscard]] bool is_serving() const { return told_ready_ && !told_stopping_; }

    milliseconds watchdog_;
    bool told_ready_ = false;
    bool told_stopping_ = false;
    std::string told_text_;
    time_point extend_at_{};
    time_point alive_at_{};
};

} // namespace msd::core
