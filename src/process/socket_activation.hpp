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

/// A descriptor's name says which pool it is for: FileDescriptorName= in the .socket unit is the
/// pool's name, "gateway", or the name of the unit is left to stand for it, "msd-gateway.socket",
/// "msd-service@goods.socket". Where there is one pool alone it gets those without a name too. What
/// was stored is named by stored_name(). LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES are gone from
/// the environment afterwards, whatever the outcome; when they are meant for another process,
/// nothing is taken. errc::invalid: a variable makes no sense, or a descriptor that was not stored
/// is no listening TCP socket, or nobody of `pools` has its name.
[[nodiscard]] result<handed_sockets> take_handed_sockets(const std::vector<std::string>& pools);

/// "stored/gateway": no unit's name can hold a slash, and no pool's does.
[[nodiscard]] std::string stored_name(std::string_view pool);

} // namespace msd::process
