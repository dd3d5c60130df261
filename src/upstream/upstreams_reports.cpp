// SPDX-License-Identifier: Apache-2.0
// What upstreams reports: the state of the policies, for metrics and explanations.
#include "upstream/upstreams.hpp"

namespace msd::upstream {

std::optional<upstreams::service_view> upstreams::look_at(std::string_view name) {
    const auto found = services_.find(name);
    if (found == services_.end() || found->second.nodes.empty()) {
        return std::nullopt;
    }
    service_nodes& of = found->second;
    group(found->first, of);
    return service_view{*of.guard, *of.group, of.nodes};
}

void upstreams::note_states(time_point now) {
    for (auto& [name, of] : services_) {
        if (of.nodes.empty()) {
            continue;
        }
        group(name, of);
        of.group->refresh(now);
        of.group->note_states();
        of.guard->note_states(now);
    }
}

} // namespace msd::upstream
