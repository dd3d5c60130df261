// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace msd::store {

// The schema of one service's database: where it stands and what leads to this build's version.
struct migration_report {
    std::string service;
    std::int64_t found = 0;  // version of the database; 0: empty, or not made by msd
    std::int64_t wanted = 0; // of this build
    bool adopts = false;     // tables of an existing deployment are there and will be taken over
    std::vector<std::string> steps; // still to be made, in order; empty: nothing is to be done
};

} // namespace msd::store
