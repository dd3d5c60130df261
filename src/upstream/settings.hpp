// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/cluster_proof.hpp"

#include <cstddef>
#include <string>

namespace msd::upstream {

struct packet_settings {
    std::size_t request_bytes_max = 1 << 20; // wire::counted_bytes() of a request; at most 16 MiB
    std::size_t reply_bytes_max = 16u << 20; // replies
    std::size_t input_bytes_max = 64u << 20; // unfinished input of clients, per worker
    milliseconds frame_timeout{30'000};      // from the first byte of a frame to its last
    int malformed_max = 10;                  // frames; the tenth closes the connection
};

struct upstream_settings {
    packet_settings packets;
    core::shared_secrets secrets; // of the cluster; null: there is none
    std::string zone;             // of the caller, whose nodes are preferred; empty: unknown
    milliseconds connect_timeout{250};
    milliseconds ping_timeout{1000}; // a peer that does not answer a ping for this long is hung
    milliseconds ping_idle{2000};    // a connection idle for this long is pinged
    milliseconds forget_absent{
        10'000}; // an absent node is removed this long after the registry (re)connected
    std::size_t unsent_bytes_max = 256u << 20;   // replies not yet sent to clients, per worker
    std::size_t received_bytes_max = 128u << 20; // unfinished replies of nodes, per worker
};

} // namespace msd::upstream
