// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/address_list.hpp"
#include "core/allowed_origins.hpp"
#include "core/cluster_proof.hpp"
#include "services/logs/log_settings.hpp"
#include "services/service_rules.hpp"
#include "store/memory_cache.hpp"
#include "store/redis/settings.hpp"
#include "store/server_settings.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace msd::roles {

// How a node finds the registry, and the address that it registers.
struct membership_settings {
    std::string distributor_host = "127.0.0.1";
    std::uint16_t distributor_port = 9000;
    std::string advertise_host;       // empty: the peer address that the distributor sees
    std::uint16_t advertise_port = 0; // 0: the listening port
    milliseconds reconnect{3000};     // ± 20 %
    core::shared_secrets secrets;     // of the cluster; null: there is none
};

struct packet_settings {
    std::size_t request_bytes_max = 1 << 20; // wire::counted_bytes() of a request; at most 16 MiB
    std::size_t reply_bytes_max = 16u << 20; // replies
    std::size_t input_bytes_max = 64u << 20; // unfinished input of clients, per worker
    milliseconds frame_timeout{30'000};      // from the first byte of a frame to its last
    int malformed_max = 10;                  // frames; the tenth closes the connection
};

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
    packet_settings packets;
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

struct upstream_settings {
    packet_settings packets;
    core::shared_secrets secrets; // of the cluster; null: there is none
    milliseconds connect_timeout{250};
    milliseconds ping_timeout{1000}; // a peer that does not answer a ping for this long is hung
    milliseconds ping_idle{2000};    // a connection idle for this long is pinged
    milliseconds forget_absent{
        10'000}; // an absent node is removed this long after the registry (re)connected
    std::size_t unsent_bytes_max = 256u << 20;   // replies not yet sent to clients, per worker
    std::size_t received_bytes_max = 128u << 20; // unfinished replies of nodes, per worker
};

struct gateway_settings {
    membership_settings membership;
    upstream_settings upstream;
    std::size_t header_bytes_max = std::size_t{16} * 1024;
    std::size_t body_bytes_max = 1 << 20;
    std::size_t bodies_bytes_max = 256u << 20; // of all connections together, per worker
    milliseconds header_timeout{10'000};
    milliseconds body_timeout{30'000};
    milliseconds keepalive_timeout{75'000};
    milliseconds request_timeout{5000};
    milliseconds send_stall_timeout{30'000}; // a client without progress
    std::size_t connections_max = 20'000;    // per worker
    bool always_200 = false;                 // http_status = "always-200"
    core::allowed_origins cors;              // web pages that may use this gateway
    std::size_t log_bytes_per_s = 64U << 10; // of POST /logs, from one client address, per worker
};

struct service_settings {
    std::string name;
    membership_settings membership;
    upstream_settings upstream;
    packet_settings packets;
    core::address_list foreign_allowed; // of foreign callers, with membership.secrets
    std::filesystem::path data_dir = "msd-data";
    store::server_settings store;               // without a URL: SQLite
    store::redis::client_settings cache;        // used when wanted()
    store::memory_cache_settings memory;        // of rows of other services
    store::redis::shared_cache_settings shared; // the same in the cache
    std::size_t requests_in_flight_max = 1024;
    services::service_rules rules;
    bool ship_logs = true;
    services::log_settings logs; // of the logs service
};

} // namespace msd::roles
