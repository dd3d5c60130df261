// SPDX-License-Identifier: Apache-2.0
#include "app/known_nodes.hpp"

#include "app/registry_query.hpp"
#include "app/resolve.hpp"
#include "app/secret.hpp"

#include <utility>

namespace msd::app {

result<known_nodes> nodes_known(const configuration& configured, deadline until) {
    configuration with_secrets = configured;
    if (auto taken = take_cluster_secrets(with_secrets, process_environment); !taken) {
        return tl::unexpected{std::move(taken.error())};
    }
    const auto& registry = with_secrets.membership;
    auto nodes =
        fetch_nodes(registry.distributor_host, registry.distributor_port, registry.secrets, until);
    if (!nodes && nodes.error().code != errc::denied) {
        nodes.error().text += "; is a distributor running there? (--distributor HOST:PORT)";
    }
    if (!nodes) {
        return tl::unexpected{std::move(nodes.error())};
    }
    return known_nodes{std::move(*nodes), registry.secrets};
}

} // namespace msd::app
