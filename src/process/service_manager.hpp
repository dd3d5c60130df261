// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "core/service_notice.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

// Tells systemd how the master is doing (the protocol of sd_notify(3): one datagram of VAR=value
// lines). What to tell and when is core/service_notice's. Does nothing when the process was not
// started by a service manager.
class service_manager {
public:
    /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. The variables stay: the program that
    /// follows in an upgrade in place needs them, and workers are never handed them.
    service_manager();

    /// False: nobody listens, so nothing need be found out for it.
    [[nodiscard]] bool is_there() const { return static_cast<bool>(socket_); }

    /// Tells what is due, what the manager did not take before included. Call it in every turn of
    /// the master's loop, and at due().
    void report(const core::service_condition& now_is, time_point now);
    [[nodiscard]] time_point due() const;

    /// Around a reading of the configuration.
    void reload_begins(time_point now) const { tell(notice_.reload_begins(now)); }
    void reload_ends();

    /// Leaves copies of a pool's listening sockets in systemd's file descriptor store: when this
    /// process is killed, or the unit restarted, the next one is handed them (take_handed_sockets),
    /// and meanwhile connections wait in them. A unit without FileDescriptorStoreMax= has no store,
    /// and nothing happens.
    void store(std::string_view pool, const std::vector<unique_fd>& sockets) const;
    /// Takes out of the store what is there of that pool, if anything is.
    void forget(std::string_view pool) const;

private:
    // False: it did not take it, which one does that has other things to do.
    bool tell(std::string_view lines, const std::vector<unique_fd>& sockets = {}) const;

    std::string address_; // a path, or with a leading NUL an abstract name
    unique_fd socket_;
    core::service_notice notice_;
    std::optional<time_point> again_at_; // what was said last was not taken
};

} // namespace msd::process
