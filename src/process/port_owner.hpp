// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace msd::process {

// The process that listens on a TCP port of this machine.
struct port_owner {
    // For an error message: `pid 123 (nginx -g …)`, or `a process of another user` when /proc does
    // not show it, or empty when no process listens.
    std::string text;
    // The process is visible and was started under another name than this program, so it is neither
    // a master nor a worker (a worker has its master's command line).
    bool is_stranger = false;
};

[[nodiscard]] port_owner owner_of_port(std::uint16_t port);

} // namespace msd::process
