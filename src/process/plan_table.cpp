// SPDX-License-Identifier: Apache-2.0
#include "process/plan_table.hpp"

namespace msd::process {

std::size_t plan_table::number_of(const shared_plan& plan) {
    const auto [place, is_new] = numbers_.try_emplace(plan.get(), states_.size());
    if (is_new) {
        states_.push_back(
            {plan->program.descriptor(),
             plan->command_line,
             plan->ports,
             plan->generation,
             plan->config ? plan->config->get() : -1}
        );
    }
    return place->second;
}

std::shared_ptr<const unique_fd> shared_file(shared_files& all, int descriptor) {
    if (descriptor < 0) {
        return nullptr;
    }
    std::shared_ptr<const unique_fd>& owner = all[descriptor];
    if (!owner) {
        owner = std::make_shared<const unique_fd>(descriptor);
    }
    return owner;
}

std::vector<shared_plan> plans_from(const std::vector<plan_state>& states, shared_files& files) {
    std::vector<shared_plan> plans;
    plans.reserve(states.size());
    for (const plan_state& each : states) {
        plans.push_back(std::make_shared<launch_plan>(launch_plan{
            executable::adopt(unique_fd{each.program}),
            each.command_line,
            each.ports,
            each.generation,
            shared_file(files, each.config)}));
    }
    return plans;
}

} // namespace msd::process
