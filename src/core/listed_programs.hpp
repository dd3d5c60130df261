// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/program_routes.hpp"
#include "core/topology.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core {

// The web programs of the registry as a gateway uses them: their routes, and the addresses of each
// service. It follows the changes of the topology. A program that the registry removes is removed
// at once; one that only the first list of a connection lacks is kept until the registry has been
// connected for `forget_absent`, because a registry that restarted does not know all nodes yet.
// upstream/upstreams.hpp does the same for packet services.
class listed_programs {
public:
    struct news {
        std::span<const node_change> changes;
        bool is_first = false; // of this connection to the registry
        // When the connection was made; time_point::min(): the list is a saved one.
        time_point connected_since = time_point::min();
    };

    explicit listed_programs(milliseconds forget_absent) : forget_absent_{forget_absent} {}

    /// Nodes whose host no caller may connect to (core/advertised_host.hpp) are ignored.
    void update(const news& what);
    /// The connection to the registry ended: nothing is removed until the next one.
    void registry_lost() { due_ = time_point::max(); }
    /// Removes the programs whose time is over.
    void expire(time_point now);
    /// When expire() has something to do; time_point::max() for never.
    [[nodiscard]] time_point due() const { return due_; }

    [[nodiscard]] const program_routes& routes() const { return routes_; }
    /// Programs of this service are listed, or were until lately.
    [[nodiscard]] bool has(std::string_view service) const { return services_.contains(service); }
    /// Sorted; empty when has() is false. Valid until the next change.
    [[nodiscard]] const std::vector<node_id>& nodes_of(std::string_view service) const;
    /// A node of nodes_of(). Valid until the next change.
    [[nodiscard]] const node_info& info_of(const node_id& id) const { return nodes_.at(id)->info; }
    /// Counts the changes of the addresses.
    [[nodiscard]] std::uint64_t changes() const { return changes_; }

private:
    void put(const listed_node_ptr& node);
    void erase(const node_id& id);

    milliseconds forget_absent_;
    program_routes routes_;
    std::map<std::string, std::vector<node_id>, std::less<>> services_;
    std::map<node_id, listed_node_ptr> nodes_;
    std::set<node_id> absent_;
    time_point due_ = time_point::max();
    std::uint64_t changes_ = 0;
};

} // namespace msd::core
