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
    bool optional = false; // skipped on a machine without this address family

    [[nodiscard]] int family() const { return storage.ss_family; }
    [[nodiscard]] std::uint16_t port() const;
    void set_port(std::uint16_t port);
    /// "127.0.0.1", "::1"
    [[nodiscard]] std::string host() const;
    /// True when both are the same address, port included.
    [[nodiscard]] bool is_same_as(const listen_address& other) const;
};

/// The addresses of `host`, without a port, at most 16: see listen_on(). errc::invalid: the name is
/// unknown.
[[nodiscard]] result<std::vector<listen_address>> addresses_of(std::string_view host);

/// The address that `socket` is bound to; its family is 0 when it is not a socket.
[[nodiscard]] listen_address address_of(int socket);

} // namespace msd::process
