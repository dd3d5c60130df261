// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/address_list.hpp"
#include "core/resilience/service_settings.hpp"
#include "node/settings.hpp"
#include "services/logs/log_settings.hpp"
#include "services/service_rules.hpp"
#include "store/memory_cache.hpp"
#include "store/redis/settings.hpp"
#include "store/server_settings.hpp"
#include "upstream/settings.hpp"

#include <cstddef>
#include <filesystem>
#include <string>

namespace msd::host {

struct service_settings {
    std::string name;
    node::membership_settings membership;
    upstream::upstream_settings upstream;
    core::resilience::service_policies policies; // for the calls of other services
    upstream::packet_settings packets;
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

} // namespace msd::host
