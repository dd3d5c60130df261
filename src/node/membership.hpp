// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node/registry_link.hpp"
#include "node/settings.hpp"
#include "node/worker.hpp"
#include "upstream/settings.hpp"
#include "upstream/upstream_node.hpp"

#include <string>
#include <vector>

// How a worker of any role but the distributor describes itself to the registry and to the nodes
// that it calls.
namespace msd::node {

// How long a starting worker waits for the topology. After that it serves without a topology.
constexpr milliseconds first_list_limit{1000};

/// `name` and `routes` as registered; the address comes from the settings, or else from the
/// environment.
[[nodiscard]] registry_link_settings link_settings(
    const worker_environment& environment,
    const membership_settings& membership,
    const upstream::upstream_settings& upstream,
    std::string name,
    std::vector<core::route_info> routes
);

[[nodiscard]] upstream::upstream_surroundings upstream_surroundings_of(
    worker& surroundings,
    const upstream::upstream_settings& settings,
    std::string name
);

} // namespace msd::node
