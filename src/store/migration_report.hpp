// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::store {

// Whether nodes of an existing deployment use the table of a service beside msd.
enum class legacy_use : std::uint8_t {
    none,      // msd created the table
    shared,    // adopted; nodes of the existing deployment may use it
    finishing, // `msd migrate --finish` has started: they no longer use it
    finished,
};

/// "none", "shared", "finishing" or "finished".
[[nodiscard]] constexpr std::string_view name_of(legacy_use use) {
    constexpr std::string_view names[] = {"none", "shared", "finishing", "finished"};
    return names[static_cast<std::size_t>(use)];
}

// The schema of one service's database: its present state and what leads to this build's version.
struct migration_report {
    std::string service;
    std::int64_t found = 0;  // version of the database; 0: empty, or not made by msd
    std::int64_t wanted = 0; // of this build
    bool adopts = false;     // tables of an existing deployment are there and will be adopted
    std::vector<std::string> steps; // still to be made, in order; empty: nothing is to be done
    legacy_use use = legacy_use::none;
    std::vector<std::string> finishing; // steps of --finish, when that was asked for
};

} // namespace msd::store
