// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/cluster_proof.hpp"

#include <cstdint>
#include <string>

namespace msd::node {

// How a node finds the registry, and the address that it registers.
struct membership_settings {
    std::string distributor_host = "127.0.0.1";
    std::uint16_t distributor_port = 9000;
    std::string advertise_host;       // empty: the peer address that the distributor sees
    std::uint16_t advertise_port = 0; // 0: the listening port
    std::uint32_t weight = 1;         // of a service, for the balancers of its callers
    std::string zone;                 // where the node runs; empty: unknown
    milliseconds reconnect{3000};     // ± 20 %
    core::shared_secrets secrets;     // of the cluster; null: there is none
};

} // namespace msd::node
