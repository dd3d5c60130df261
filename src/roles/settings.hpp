// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
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
};

struct packet_settings {
    std::size_t request_bytes_max = 1 << 20; // wire::counted_bytes() of a request; at most 16 MiB
    std::size_t reply_bytes_max = 16u << 20; // replies
    std::size_t input_bytes_max = 64u << 20; // unfinished input of clients, per worker
    milliseconds frame_timeout{30'000};      // from the first byte of a frame to its last
    int malformed_max = 10;                  // frames; the tenth closes the connection
};

struct distributor_settings {
    packet_settings packets;
    milliseconds gather_first{10};     // msd subscribers: changes after the first go together
    milliseconds gather_quiet{10};     // foreign subscribers: sent after this much quiet …
    milliseconds gather_longest{100};  // … and never later than this
    milliseconds critical_for{10'000}; // a lost node is listed as critical for this long
    milliseconds ping_every{2000};
    int ping_missed_max = 3;
    std::size_t queue_bytes_max =
        4u << 20; // unsent bytes a subscriber may have before it is given a later snapshot
};

struct upstream_settings {
    packet_settings packets;
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
};

struct service_settings {
    std::string name;
    membership_settings membership;
    upstream_settings upstream;
    packet_settings packets;
    std::filesystem::path data_dir = "msd-data";
    store::server_settings store;               // without a URL: SQLite
    store::redis::client_settings cache;        // used when wanted()
    store::memory_cache_settings memory;        // of rows of other services
    store::redis::shared_cache_settings shared; // the same in the cache
    std::size_t requests_in_flight_max = 1024;
    bool ship_logs = true;
};

} // namespace msd::roles
