// SPDX-License-Identifier: Apache-2.0
#include "node/membership.hpp"

#include "wire/packet.hpp"

#include <utility>

namespace msd::node {

registry_link_settings link_settings(
    const worker_environment& environment,
    const membership_settings& membership,
    const upstream::upstream_settings& upstream,
    std::string name,
    std::vector<core::route_info> routes
) {
    registry_link_settings out;
    out.distributor_host = membership.distributor_host;
    out.distributor_port = membership.distributor_port;
    out.secrets = membership.secrets;
    out.reconnect_interval = membership.reconnect;
    out.kept_in = environment.topology_file;
    out.settled_after = upstream.forget_absent;
    out.self.id.name = std::move(name);
    out.self.id.host = membership.advertise_host;
    out.self.id.port =
        membership.advertise_port != 0 ? membership.advertise_port : environment.port;
    out.self.proto = wire::protocol_version;
    out.self.weight = membership.weight;
    out.self.zone = membership.zone;
    for (const core::route_info& route : routes) {
        out.self.urls.push_back(route.method + route.path);
    }
    out.self.routes = std::move(routes);
    return out;
}

upstream::upstream_surroundings upstream_surroundings_of(
    worker& surroundings,
    const upstream::upstream_settings& settings,
    std::string name
) {
    return upstream::upstream_surroundings{
        surroundings.loop.get_executor(),
        surroundings.dog,
        surroundings.tasks,
        settings,
        upstream::caller_identity{
            std::move(name),
            surroundings.environment.slot,
            surroundings.environment.port},
        &surroundings.replies,
        &surroundings.cells,
        &surroundings.faults};
}

} // namespace msd::node
