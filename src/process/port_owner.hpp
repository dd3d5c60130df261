// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace msd::process {

// Who listens on a TCP port of this machine.
struct port_owner {
    // For an error message: `pid 123 (nginx -g …)`, or `a process of another user` when /proc does
    // not let us see it, or empty when nobody listens.
    std::string text;
    // Seen, and started under another name than this program: no master, and no worker, which has
    // its master's command line.
    bool is_stranger = false;
};

[[nodiscard]] port_owner owner_of_port(std::uint16_t port);

} // namespace msd::process
