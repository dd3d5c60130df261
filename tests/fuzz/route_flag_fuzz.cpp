// SPDX-License-Identifier: Apache-2.0
#include "app/route_flag.hpp"
#include "app/route_rules.hpp"
#include "fuzz_target.hpp"

#include <string>
#include <vector>

// Flags --route, one a line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using msd::fuzz::require;
    std::vector<std::string> flags(1);
    for (const char c : msd::fuzz::text_of(data, size)) {
        if (c == '\n') {
            flags.emplace_back();
        } else {
            flags.back() += c;
        }
    }
    msd::gateway::gateway_settings made;
    const auto added = msd::app::add_route_flags(made, flags);
    if (!added) {
        require(!added.error().text.empty(), "a refusal says why");
        return 0;
    }
    require(made.routes.size() == flags.size(), "each flag is a route");
    require(made.programs.size() == flags.size(), "each flag is a program");
    for (std::size_t i = 0; i < flags.size(); ++i) {
        require(msd::app::check_route_path(made.routes[i].path).has_value(), "the path is valid");
        require(made.routes[i].service == made.programs[i].name, "the route has its program");
        require(!made.programs[i].addresses.empty(), "the program has an address");
    }
    return 0;
}
