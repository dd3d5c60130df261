// SPDX-License-Identifier: Apache-2.0
#include "core/listed_programs.hpp"

#include "core/advertised_host.hpp"

#include <algorithm>

namespace msd::core {

void listed_programs::update(const news& what) {
    for (const node_change& change : what.changes) {
        const node_info& info = (change.after ? change.after : change.before)->info;
        const bool is_program =
            change.after && info.is_http() && check_advertised_host(info.id.host).has_value();
        if (is_program) {
            put(change.after);
        } else if (!change.after && what.is_first) {
            if (nodes_.contains(info.id)) {
                absent_.insert(info.id);
            }
        } else {
            erase(info.id);
        }
    }
    const bool is_connected = what.connected_since != time_point::min();
    due_ = is_connected && !absent_.empty() ? what.connected_since + forget_absent_
                                            : time_point::max();
}

void listed_programs::expire(time_point now) {
    if (now < due_) {
        return;
    }
    while (!absent_.empty()) {
        const node_id id = *absent_.begin();
        erase(id);
    }
    due_ = time_point::max();
}

void listed_programs::put(const listed_node_ptr& node) {
    const node_id& id = node->info.id;
    absent_.erase(id);
    const auto [place, is_new] = nodes_.try_emplace(id, node);
    if (!is_new) {
        routes_.remove(place->second->info);
        place->second = node;
    } else {
        std::vector<node_id>& nodes = services_[id.name];
        nodes.insert(std::upper_bound(nodes.begin(), nodes.end(), id), id);
        ++changes_;
    }
    routes_.add(node->info);
}

void listed_programs::erase(const node_id& id) {
    absent_.erase(id);
    const auto known = nodes_.find(id);
    if (known == nodes_.end()) {
        return;
    }
    routes_.remove(known->second->info);
    const auto service = services_.find(id.name);
    std::erase(service->second, id);
    if (service->second.empty()) {
        services_.erase(service);
    }
    ++changes_;
    nodes_.erase(known);
}

const std::vector<node_id>& listed_programs::nodes_of(std::string_view service) const {
    static const std::vector<node_id> none;
    const auto found = services_.find(service);
    return found == services_.end() ? none : found->second;
}

} // namespace msd::core
