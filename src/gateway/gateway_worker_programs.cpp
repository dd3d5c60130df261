// SPDX-License-Identifier: Apache-2.0
// How a gateway follows the web programs of the registry.
#include "gateway/gateway_worker.hpp"

#include <algorithm>

namespace msd::gateway {

// Gives programs_ the nodes of these services, and of those that it has.
void gateway_worker::follow_programs(const std::set<std::string>& services) {
    for (const std::string& service : services) {
        followed_.try_emplace(service);
    }
    for (auto each = followed_.begin(); each != followed_.end();) {
        auto& known = each->second;
        const auto& listed = listed_programs_.nodes_of(each->first);
        for (const core::node_id& node : listed) {
            known.insert(node);
            programs_.add_node(listed_programs_.info_of(node));
        }
        std::erase_if(known, [this, &listed](const core::node_id& node) {
            const bool is_gone = !std::binary_search(listed.begin(), listed.end(), node);
            if (is_gone) {
                programs_.remove_node(node);
            }
            return is_gone;
        });
        each = known.empty() ? followed_.erase(each) : std::next(each);
    }
}

void gateway_worker::expire_programs() {
    listed_programs_.expire(clock::now());
    programs_guard_.set(deadline{listed_programs_.due()});
    follow_programs({});
}

} // namespace msd::gateway
