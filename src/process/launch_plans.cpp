// SPDX-License-Identifier: Apache-2.0
#include "process/launch_plans.hpp"

#include <algorithm>
#include <utility>

namespace msd::process {

void launch_plans::begin(shared_plan first) {
    current_ = std::move(first);
    config_ = current_->config;
    last_generation_ = current_->generation;
}

void launch_plans::resume(
    shared_plan current,
    std::shared_ptr<const unique_fd> config,
    std::uint64_t generation
) {
    current_ = std::move(current);
    config_ = std::move(config);
    last_generation_ = generation;
    is_unfinished_ = !all_have_configuration();
}

result<shared_plan> launch_plans::next(roll_request::kind what, const shared_plan& before) {
    auto program = what == roll_request::kind::new_program ? executable::at(program_path_)
                                                           : before->program.again();
    if (!program) {
        return tl::unexpected{std::move(program.error())};
    }
    return std::make_shared<launch_plan>(launch_plan{
        std::move(*program),
        current_->command_line,
        current_->ports,
        ++last_generation_,
        config_});
}

void launch_plans::note_success(const shared_plan& now_used) {
    current_ = now_used;
    is_unfinished_ &= !all_have_configuration();
}

bool launch_plans::has_configuration(const worker_pool& which) const {
    return std::ranges::all_of(which.slots(), [this](const worker_pool::slot& slot) {
        return slot.plan->config == config_;
    });
}

bool launch_plans::all_have_configuration() const {
    return std::ranges::all_of(pools_, [this](const worker_pool& each) {
        return has_configuration(each);
    });
}

} // namespace msd::process
