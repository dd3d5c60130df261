// SPDX-License-Identifier: Apache-2.0
#include "app/role_table.hpp"

#include "services/service.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace msd::app {

namespace {

enum stop_rank : std::uint8_t { gateway_rank, service_rank, log_rank, distributor_rank };

std::vector<role_facts> make_table() {
    std::vector<role_facts> table{
        {role_kind::distributor,
         "distributor",
         "the registry of all nodes",
         9000,
         distributor_rank},
        {role_kind::gateway, "gateway", "the HTTP gateway", 8000, gateway_rank},
    };
    for (const services::definition& each : services::all()) {
        // A service that ships its log lines stops before the logs service.
        const int rank = each.ships_logs ? service_rank : log_rank;
        table.push_back({role_kind::service, each.name, each.summary, each.default_port, rank});
    }
    // Starts with the gateway, so that no other role waits for it.
    table.push_back({role_kind::admin, "admin", "metrics and health", 9001, gateway_rank});
    return table;
}

} // namespace

std::string role_facts::section() const {
    std::string text = kind == role_kind::service ? "services." : "";
    return text.append(name);
}

std::span<const role_facts> all_roles() {
    static const std::vector<role_facts> table = make_table();
    return table;
}

const role_facts* find_role(std::span<const role_facts> roles, std::string_view name) {
    const auto found = std::find_if(roles.begin(), roles.end(), [name](const role_facts& each) {
        return each.name == name;
    });
    return found == roles.end() ? nullptr : &*found;
}

} // namespace msd::app
