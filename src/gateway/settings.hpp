// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/address_list.hpp"
#include "core/allowed_origins.hpp"
#include "core/request_limit.hpp"
#include "core/route_settings.hpp"
#include "gateway/access_log.hpp"
#include "gateway/cache/reply_store.hpp"
#include "node/settings.hpp"
#include "upstream/settings.hpp"

#include <cstddef>
#include <vector>

namespace msd::gateway {

struct gateway_settings {
    node::membership_settings membership;
    upstream::upstream_settings upstream;
    std::size_t header_bytes_max = std::size_t{16} * 1024;
    std::size_t body_bytes_max = 1 << 20;
    std::size_t bodies_bytes_max = 256u << 20; // of all connections together, per worker
    reply_store::limits kept_replies;          // of routes with a stale fallback, per worker
    milliseconds header_timeout{10'000};
    milliseconds body_timeout{30'000};
    milliseconds keepalive_timeout{75'000};
    milliseconds request_timeout{5000};
    milliseconds send_stall_timeout{30'000};    // a client without progress
    std::size_t connections_max = 20'000;       // per worker
    std::size_t connections_per_client_max = 0; // the same, of one address; 0: no limit
    bool always_200 = false;                    // http_status = "always-200"
    std::vector<core::route_settings> routes; // of the configuration, beside those of the registry
    std::vector<core::upstream_program_settings> programs;
    access_log_settings access_log;
    core::address_list trusted_proxies;      // whose X-Forwarded-* and Forwarded are believed
    core::request_limit limit;               // of routes that have none of their own
    core::allowed_origins cors;              // web pages that may use this gateway
    std::size_t log_bytes_per_s = 64U << 10; // of POST /logs, from one client address, per worker
};

} // namespace msd::gateway
