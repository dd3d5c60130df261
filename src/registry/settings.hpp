// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/address_list.hpp"
#include "core/cluster_proof.hpp"
#include "upstream/settings.hpp"

#include <cstddef>
#include <string>

namespace msd::registry {

// What nodes may take of the registry; core/registry_room.hpp and core/change_rate.hpp.
struct registry_limit_settings {
    std::size_t routes_max = 60'000;
    std::size_t routes_per_address_max = 40'000;
    std::size_t entries_per_address_max = 10'000;
    std::size_t connections_per_address_max = 10'000;
    unsigned share_per_address_percent = 66; // of the bytes of the list
    unsigned reserved_percent = 10;          // of every limit
    milliseconds known_for{600'000};         // how long a node that left keeps its room, at most
    unsigned changes_per_s_max = 20;         // of a connection; more are delayed
    unsigned changes_burst_max = 1000;
};

struct distributor_settings {
    upstream::packet_settings packets;
    core::shared_secrets secrets;       // of the cluster; null: there is none
    core::address_list foreign_allowed; // of foreign nodes, with secrets
    core::address_list allowed_hosts;   // that registrations may name
    std::string advertise_host;         // of the nodes on this host; empty: none is configured
    milliseconds gather_first{10};      // msd subscribers: changes after the first go together
    milliseconds gather_quiet{10};      // foreign subscribers: sent after this much quiet …
    milliseconds gather_longest{100};   // … and never later than this
    milliseconds critical_for{10'000};  // a lost node is listed as critical for this long
    milliseconds ping_every{2000};
    int ping_missed_max = 3;
    std::size_t queue_bytes_max =
        4u << 20; // unsent bytes a subscriber may have before it is given a later snapshot
    std::size_t unsent_bytes_max = 64u << 20;        // of all connections, shared packets once
    std::size_t list_at_accept_bytes_max = 1u << 20; // a longer list: after the first packet
    registry_limit_settings limits;
};

} // namespace msd::registry
