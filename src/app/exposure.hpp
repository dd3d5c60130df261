// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace msd::app {

// A packet port: of the distributor or of a service.
struct packet_port {
    std::string_view role;
    std::string_view host; // on which it listens; empty: loopback
};

/// Other hosts can connect to a socket that listens on `host`.
[[nodiscard]] bool is_beyond_loopback(std::string_view host);

/// What anybody on the network can do because there is no cluster secret; empty when all of these
/// ports listen on loopback only.
[[nodiscard]] std::string warning_without_secret(std::span<const packet_port> ports);

} // namespace msd::app
