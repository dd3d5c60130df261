// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"
#include "process/executable.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace msd::process {

// What workers are started from: a program and what it is told. It never changes, so a worker that
// dies comes back as it was, whatever has been put on the disk since; something new is a new plan,
// and a roll takes the slots from one plan to the next.
struct launch_plan {
    executable program;
    std::vector<std::string> command_line;
    std::map<std::string, std::uint16_t> ports; // of all pools
    std::uint64_t generation = 1;               // counts the plans of this instance
    std::shared_ptr<const unique_fd> config;    // the configuration file as it was; empty: none
};

using shared_plan = std::shared_ptr<const launch_plan>;

} // namespace msd::process
