// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "core/instance_notice.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

// Reports the master's state to systemd (sd_notify(3): one datagram of VAR=value lines).
// core/instance_notice decides what is reported when. Does nothing when the process was not started
// by a service manager.
class service_manager {
public:
    /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. The variables stay set for the program
    /// that an upgrade executes; workers do not get them.
    service_manager();

    /// False: there is no service manager, so the caller need not gather what it would report.
    [[nodiscard]] bool is_there() const { return static_cast<bool>(socket_); }

    /// Sends what is due, including what could not be sent before. Call it in every turn of the
    /// master's loop, and at due().
    void report(const core::instance_condition& now_is, time_point now);
    [[nodiscard]] time_point due() const;

    /// Call these before and after reading the configuration again.
    void reload_begins(time_point now) const { notify(notice_.reload_begins(now)); }
    void reload_ends();

    /// Stores copies of a pool's listening sockets in systemd's file descriptor store. When this
    /// process is killed, or the unit is restarted, the next master gets them
    /// (take_handed_sockets), and connections wait in their queues until then. Has no effect in a
    /// unit without FileDescriptorStoreMax=.
    void store(std::string_view pool, const std::vector<unique_fd>& sockets) const;
    /// Removes the sockets of that pool from the store.
    void forget(std::string_view pool) const;

private:
    // False: the datagram could not be sent, for example because the manager is busy.
    bool notify(std::string_view lines, const std::vector<unique_fd>& sockets = {}) const;

    std::string address_; // a path, or with a leading NUL an abstract name
    unique_fd socket_;
    core::instance_notice notice_;
    std::optional<time_point> again_at_; // the last report could not be sent
};

} // namespace msd::process
