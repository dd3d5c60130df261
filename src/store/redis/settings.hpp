// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "net/connect.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace msd::store::redis {

using address = net::peer_address;

enum class arrangement : std::uint8_t {
    single,
    sentinel, // the addresses are those of the sentinels
    cluster,  // the addresses are those of some nodes
};

// The address of a Redis, written as one URL:
//   redis://[USER@]HOST[:PORT][/DATABASE]
//   redis+sentinel://[USER@]HOST[:PORT],…/NAME[/DATABASE]
//   redis+cluster://[USER@]HOST[:PORT],…
// With rediss instead of redis it uses TLS. It never contains a password.
struct server_url {
    arrangement kind = arrangement::single;
    bool tls = false;
    std::vector<address> addresses; // at least one
    std::string master;             // its name at the sentinels
    std::string user;               // empty: the default user
    int database = 0;

    /// The address for logs and people, without the user.
    [[nodiscard]] std::string text() const;
};

/// errc::invalid: the text describes the error and repeats no part that could be a password.
[[nodiscard]] result<server_url> parse_url(std::string_view text);

struct client_settings {
    server_url where;
    std::string password;            // empty: none
    std::filesystem::path ca_file;   // of TLS; empty: the system's certificates
    std::string tls_name;            // name in the server's certificate; empty: the host's name
    std::string client_name = "msd"; // for CLIENT LIST
    milliseconds timeout{50};        // of a reply; then the connection is closed
    milliseconds connect_timeout{1000};
    milliseconds probe_every{500}; // pause between probes of an unreachable or idle server
    std::size_t reply_bytes_max = 16u << 20;

    /// Whether a Redis is configured.
    [[nodiscard]] bool wanted() const { return !where.addresses.empty(); }
};

// How long the shared cache keeps entries.
struct shared_cache_settings {
    milliseconds ttl{300'000};       // ± 10 %
    milliseconds negative_ttl{5000}; // of entries for objects that do not exist
    milliseconds owner_behind{0};    // maximum age of the owner's answers
    // Nodes of an existing deployment use this Redis too: see shared_cache::plain_name_of().
    bool legacy_keys = false;
};

// Counters of a client's connections, for people.
struct figures {
    std::uint64_t connects = 0; // connections that became usable
    std::uint64_t failures = 0; // attempts to connect that failed
    std::uint64_t timeouts = 0; // connections closed because a reply was overdue
};

} // namespace msd::store::redis
