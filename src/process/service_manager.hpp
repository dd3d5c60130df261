// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <string>
#include <string_view>

namespace msd::process {

// Tells systemd how the master is doing (the protocol of sd_notify(3): one datagram of VAR=value
// lines). Does nothing when the process was not started by a service manager.
class service_manager {
public:
    /// Reads NOTIFY_SOCKET.
    service_manager();

    /// E.g. "READY=1\nSTATUS=serving". Never waits; a datagram that cannot be sent is lost.
    void tell(std::string_view lines) const;

private:
    std::string address_; // a path, or with a leading NUL an abstract name
    unique_fd socket_;
};

} // namespace msd::process
