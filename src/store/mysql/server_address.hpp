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

// One server as one user sees it.
struct server_address {
    std::string host;
    std::uint16_t port = 3306;
    std::string user;
    std::string password;
    std::string database;
    tls_mode tls = tls_mode::prefer;
    std::filesystem::path tls_ca;       // empty: the system's authorities
    milliseconds connect_timeout{2000}; // rounded up to whole seconds, as the driver counts
    milliseconds call_timeout{3000};    // likewise; a connection that waited so long is lost
};

// The servers that hold one database, in the order of preference.
struct server_addresses {
    std::vector<server_address> at; // the replicas last
    std::size_t replicas = 0;       // so many of them
};

/// errc::invalid: the url is none; it is not repeated in the text.
[[nodiscard]] result<server_addresses> addresses_of(const server_settings& from);

} // namespace msd::store::mysql
