// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/listen_set.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

// The sockets that a service manager passed to this process (sd_listen_fds(3)), by pool.
struct handed_sockets {
    std::map<std::string, listen_set, std::less<>> activated; // it bound them for a .socket unit
    // An earlier master stored them (service_manager::store). Neither the sockets nor the names of
    // the pools have been checked.
    std::map<std::string, std::vector<unique_fd>, std::less<>> stored;
};

/// The name of a descriptor gives its pool: FileDescriptorName= of the .socket unit is the pool's
/// name, "gateway"; without it, systemd uses the name of the unit, "msd-gateway.socket" or
/// "msd-service@goods.socket". A descriptor without a name belongs to the pool when there is only
/// one. Stored descriptors are named by stored_name(). Removes LISTEN_PID, LISTEN_FDS and
/// LISTEN_FDNAMES from the environment in any case; when they are for another process, takes no
/// descriptor. errc::invalid: a variable is malformed, or a descriptor that was not stored is not a
/// listening TCP socket or has a name that none of `pools` has.
[[nodiscard]] result<handed_sockets> take_handed_sockets(const std::vector<std::string>& pools);

/// "stored/gateway". The slash distinguishes it from the names of units and pools, which have none.
[[nodiscard]] std::string stored_name(std::string_view pool);

} // namespace msd::process
