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

// What workers are started from: a program, its command line and its configuration. A plan never
// changes, so the replacement of a dead worker has the same version, even when the program on the
// disk is newer. A new program or configuration is a new plan, and a roll moves the slots
// from one plan to the next.
struct launch_plan {
    executable program;
    std::vector<std::string> command_line;
    std::map<std::string, std::uint16_t> ports; // of all pools
    std::uint64_t generation = 1;               // counts the plans of this instance
    std::shared_ptr<const unique_fd> config;    // the configuration file as it was; empty: none
};

using shared_plan = std::shared_ptr<const launch_plan>;

} // namespace msd::process
