// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/configuration.hpp"
#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/cluster_proof.hpp"
#include "core/node.hpp"

#include <vector>

namespace msd::app {

// How long commands wait for the registry.
inline constexpr milliseconds registry_timeout{5000};

// The nodes of the registry, and the secrets that they prove.
struct known_nodes {
    std::vector<core::node_info> nodes;
    core::shared_secrets secrets;
};

/// Asks the configured distributor.
[[nodiscard]] result<known_nodes> nodes_known(const configuration& configured, deadline until);

} // namespace msd::app
