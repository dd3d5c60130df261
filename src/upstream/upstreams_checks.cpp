// SPDX-License-Identifier: Apache-2.0
// The active checks of packet services. They open no connections of their own, which existing nodes
// would count as callers: the connections that are kept show how an instance is.
#include "upstream/upstreams.hpp"

#include <algorithm>

namespace msd::upstream {

namespace {

// Not more often, because one look passes all nodes; nodes that are new wait as long at most.
constexpr milliseconds checks_pause_min{200};
constexpr milliseconds checks_pause_max{1000};

} // namespace

void upstreams::look_at_checks() {
    const time_point now = clock::now();
    time_point next = now + checks_pause_max;
    for (auto& [name, of] : services_) {
        group(name, of);
        for (std::size_t index = 0; index < of.nodes.size(); ++index) {
            const time_point due = of.group->check_due(index, now);
            next = std::min(next, std::max(due, now + checks_pause_min));
            if (due > now) {
                continue;
            }
            const auto seen = of.nodes[index]->check();
            if (seen && of.group->take_check(index, now)) {
                of.group->note_check(index, *seen, now, now);
            }
        }
    }
    check_guard_.set(deadline{next});
}

} // namespace msd::upstream
