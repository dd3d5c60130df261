// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/topology.hpp"

#include <span>

namespace msd::upstream {

// A part of the changes of the topology, as registry_link reports it: the work on one part does not
// hold up the event loop. Small changes are one part.
struct topology_news {
    std::span<const core::node_change> changes; // removals come first
    // The first list of this connection to the registry: the nodes that it lacks may have left
    // before, or may not have registered again yet.
    bool is_first = false;
    bool is_complete = true; // false: further parts follow, one in each turn of the loop
    // When the connection to the registry was made; time_point::min(): the list is a saved one.
    time_point connected_since = time_point::min();
};

} // namespace msd::upstream
