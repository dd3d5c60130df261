// SPDX-License-Identifier: Apache-2.0
#include "process/loopback.hpp"

#include "base/unique_fd.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

namespace msd::process {

namespace {

// The kernel binds only to addresses that the machine has. Port 0 of a datagram socket is always
// free, and nothing is sent.
bool has_ipv4_loopback() {
    const unique_fd probe{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return probe &&
           bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool has_ipv6_loopback() {
    const unique_fd probe{socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    return probe &&
           bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

} // namespace

std::string loopback_host() {
    return has_ipv4_loopback() || !has_ipv6_loopback() ? "127.0.0.1" : "::1";
}

} // namespace msd::process
