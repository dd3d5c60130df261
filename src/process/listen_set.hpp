// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

// The listening sockets of one pool: bound by the master before anything starts, inherited by every
// worker. One socket per address, never one per worker: connections wait in it while workers come
// and go.
struct listen_set {
    std::vector<unique_fd> sockets; // close-on-exec, listening
    std::string host;               // the first address as text
    std::uint16_t port = 0;
};

/// `host` is an address or a name; empty: 127.0.0.1 and [::1], the latter only where the machine
/// has it. `port` 0: a free one, the same for all addresses. errc::conflict: taken, with port and
/// owner; errc::invalid: no such address; errc::denied: not allowed (ports below 1024).
[[nodiscard]] result<listen_set> listen_on(std::string_view host, std::uint16_t port);

/// "127.0.0.1:8000", "[::1]:8000".
[[nodiscard]] std::string endpoint_text(std::string_view host, std::uint16_t port);

} // namespace msd::process
