// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "roles/registry_link.hpp"
#include "roles/settings.hpp"
#include "roles/upstream_node.hpp"
#include "roles/worker.hpp"

#include <string>
#include <vector>

// What a worker of any role but the distributor says about itself to the registry and to the nodes
// that it calls.
namespace msd::roles {

// How long a starting worker waits for the topology. It serves without one, too.
constexpr milliseconds first_list_limit{1000};

/// `name` and `routes` as registered; the address from the environment unless settings say
/// otherwise.
[[nodiscard]] registry_link_settings link_settings(
    const worker_environment& environment,
    const membership_settings& membership,
    const upstream_settings& upstream,
    std::string name,
    std::vector<core::route_info> routes
);

[[nodiscard]] upstream_surroundings
upstream_surroundings_of(worker& surroundings, const upstream_settings& settings, std::string name);

} // namespace msd::roles
