// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "store/server_settings.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace msd::store::mysql {

// One server with the credentials and settings for its connections.
struct server_address {
    std::string host;
    std::uint16_t port = 3306;
    std::string user;
    std::string password;
    std::string database;
    tls_mode tls = tls_mode::prefer;
    std::filesystem::path tls_ca;       // empty: the system's authorities
    milliseconds connect_timeout{2000}; // rounded up to whole seconds by the driver
    milliseconds call_timeout{3000};    // likewise; after it the connection is lost
};

// The servers that hold one database, in the order of preference.
struct server_addresses {
    std::vector<server_address> at; // replicas come last
    std::size_t replicas = 0;       // number of replicas
};

/// errc::invalid: the url is malformed; the text does not repeat it.
[[nodiscard]] result<server_addresses> addresses_of(const server_settings& from);

} // namespace msd::store::mysql
