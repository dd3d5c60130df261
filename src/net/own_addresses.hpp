// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <string>
#include <string_view>
#include <unordered_set>

namespace msd::net {

// The addresses of the network interfaces of this host, loopback included. They are read again when
// one is asked for that is not known, at most every few seconds, because interfaces come and go.
class own_addresses {
public:
    static constexpr milliseconds read_again_after{3000};

    /// `host` is an address as peer_address has it: IPv4 in dotted form, never IPv4-mapped. Every
    /// address of 127.0.0.0/8 is an own one.
    [[nodiscard]] bool contains(std::string_view host, time_point now);

private:
    void read();

    std::unordered_set<std::string> all_;
    time_point read_at_ = time_point::min();
};

} // namespace msd::net
