// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

// Where a TCP socket listens: an IPv4 or IPv6 address with its port.
struct listen_address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    bool optional = false; // left out where the machine does not have it

    [[nodiscard]] int family() const { return storage.ss_family; }
    [[nodiscard]] std::uint16_t port() const;
    void set_port(std::uint16_t port);
    /// "127.0.0.1", "::1"
    [[nodiscard]] std::string host() const;
    /// Whether a socket that is bound to the one is bound to the other.
    [[nodiscard]] bool is_same_as(const listen_address& other) const;
};

/// What `host` stands for, without a port: see listen_on(). At most 16. errc::invalid: no such
/// name.
[[nodiscard]] result<std::vector<listen_address>> addresses_of(std::string_view host);

/// What `socket` is bound to; one without a family when it is no socket.
[[nodiscard]] listen_address address_of(int socket);

} // namespace msd::process
