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
    sentinel, // the addresses are the sentinels'
    cluster,  // the addresses are those of some of its nodes
};

// Where a Redis is, as it is written in one line:
//   redis://[USER@]HOST[:PORT][/DATABASE]
//   redis+sentinel://[USER@]HOST[:PORT],…/NAME[/DATABASE]
//   redis+cluster://[USER@]HOST[:PORT],…
// and the same with rediss for TLS. It never holds a password.
struct server_url {
    arrangement kind = arrangement::single;
    bool tls = false;
    std::vector<address> addresses; // at least one
    std::string master;             // as the sentinels call it
    std::string user;               // empty: the default user
    int database = 0;

    /// The same for logs and people, without the user.
    [[nodiscard]] std::string text() const;
};

/// errc::invalid says what is wrong; it repeats no part that could be a password.
[[nodiscard]] result<server_url> parse_url(std::string_view text);

struct settings {
    server_url where;
    std::string password;          // empty: none
    std::filesystem::path ca_file; // of TLS; empty: the system's certificates
    std::string tls_name;          // of the server's certificate; empty: the host it is reached by
    std::string client_name = "msd"; // for CLIENT LIST
    milliseconds timeout{50};        // a reply: the server is given up after it
    milliseconds connect_timeout{1000};
    milliseconds probe_every{500}; // pause between probes, of a server that is lost or idle
    std::size_t reply_bytes_max = 16u << 20;

    /// Without an address there is no Redis.
    [[nodiscard]] bool wanted() const { return !where.addresses.empty(); }
};

// What is kept in it for all.
struct shared_cache_settings {
    milliseconds ttl{300'000};       // ± 10 %
    milliseconds negative_ttl{5000}; // of what does not exist
    milliseconds owner_behind{0};    // how old an answer of the owner's may be
    // Nodes of an existing deployment use this Redis too: see shared_cache::plain_name_of().
    bool legacy_keys = false;
};

// How often what happened to the connections of a client; for people.
struct figures {
    std::uint64_t connects = 0; // connections that became usable
    std::uint64_t failures = 0; // attempts to connect that failed
    std::uint64_t timeouts = 0; // connections given up because a reply was overdue
};

} // namespace msd::store::redis
