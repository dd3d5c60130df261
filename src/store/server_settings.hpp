// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace msd::store {

enum class tls_mode : std::uint8_t {
    off,
    prefer, // encrypted if the server supports it; the certificate is not verified
    verify, // encrypted, with a server whose certificate and name are verified
};

// How to reach a server database: section [store] of the configuration.
struct server_settings {
    // mysql://user@host:port/database, several host:port with commas; empty: the embedded store
    std::string url;
    std::string password; // used when the url has none
    // host:port of servers that replicate those of the url, separated by commas; used for reads
    std::string replicas;
    milliseconds replica_lag_max{2000}; // maximum age of data read from them
    tls_mode tls = tls_mode::prefer;
    std::filesystem::path tls_ca;       // authorities for `verify`; empty: the system's
    int connections_max = 8;            // per worker
    milliseconds connect_timeout{2000}; // whole seconds, rounded up
    milliseconds call_timeout{3000};    // of one statement; whole seconds, rounded up
    std::string legacy_time_zone;       // of dates written by existing nodes; empty: the server's
    // Whether nodes of an existing deployment use the tables as well. nullopt: they do when the
    // tables were adopted, until `msd migrate --finish`.
    std::optional<bool> shared_with_legacy;
};

} // namespace msd::store
