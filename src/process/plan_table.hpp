// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process/launch_plan.hpp"
#include "process/master_state.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

namespace msd::process {

// The plans of a master_state: each once, referred to by its number.
class plan_table {
public:
    /// The number of `plan`, which must outlive the table.
    [[nodiscard]] std::size_t number_of(const shared_plan& plan);
    [[nodiscard]] std::vector<plan_state> states() const { return states_; }

private:
    std::map<const launch_plan*, std::size_t> numbers_;
    std::vector<plan_state> states_;
};

// Files that several plans may share, by descriptor; each is owned once.
using shared_files = std::map<int, std::shared_ptr<const unique_fd>>;

/// The file behind `descriptor`, taken over at the first call; -1: none.
[[nodiscard]] std::shared_ptr<const unique_fd> shared_file(shared_files& all, int descriptor);

/// The plans in the order of their numbers; they own the descriptors from here on.
[[nodiscard]] std::vector<shared_plan>
plans_from(const std::vector<plan_state>& states, shared_files& files);

} // namespace msd::process
