// SPDX-License-Identifier: Apache-2.0
#include "app/route_flag.hpp"

#include "app/route_rules.hpp"
#include "config/entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace msd::app {

namespace {

constexpr std::string_view form = "PATH=ADDRESS,…, for example /api/=127.0.0.1:8081";

tl::unexpected<error> wrong(std::string_view text, std::string_view why) {
    return fail(errc::invalid, fmt::format("\"{}\": {}", text, why));
}

core::upstream_program_settings default_program(const gateway::gateway_settings& of) {
    const auto found = std::ranges::find(
        of.programs,
        config::default_entry,
        &core::upstream_program_settings::name
    );
    return found == of.programs.end() ? core::upstream_program_settings{} : *found;
}

result<std::vector<std::string>> addresses_of(std::string_view texts) {
    std::vector<std::string> all;
    while (true) {
        const std::size_t comma = std::min(texts.find(','), texts.size());
        auto address = parse_program_address(texts.substr(0, comma));
        if (!address) {
            return tl::unexpected{std::move(address.error())};
        }
        all.push_back(std::move(*address));
        if (comma == texts.size()) {
            return all;
        }
        texts.remove_prefix(comma + 1);
    }
}

result<void> add(gateway::gateway_settings& to, std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        return wrong(text, fmt::format("is not {}", form));
    }
    const std::string path{text.substr(0, equals)};
    if (const auto checked = check_route_path(path); !checked) {
        return wrong(text, checked.error().text);
    }
    auto addresses = addresses_of(text.substr(equals + 1));
    if (!addresses) {
        return wrong(text, addresses.error().text);
    }
    std::erase_if(to.routes, [&path](const core::route_settings& each) {
        return each.path == path && each.hosts.empty() && each.methods.empty() &&
               each.source != route_flag_source;
    });
    core::route_settings route;
    route.name = path;
    route.source = route_flag_source;
    route.path = path;
    route.service = path;
    core::upstream_program_settings program = default_program(to);
    program.name = path;
    program.source = route_flag_source;
    program.addresses = std::move(*addresses);
    to.routes.push_back(std::move(route));
    to.programs.push_back(std::move(program));
    return {};
}

} // namespace

result<void> add_route_flags(gateway::gateway_settings& to, const std::vector<std::string>& texts) {
    if (texts.size() > route_flags_max) {
        return fail(errc::invalid, fmt::format("at most {} are allowed", route_flags_max));
    }
    std::vector<std::string_view> paths;
    for (const std::string& each : texts) {
        const std::string_view path = std::string_view{each}.substr(0, each.find('='));
        if (std::ranges::find(paths, path) != paths.end()) {
            return wrong(each, fmt::format("another --route has the path {}", path));
        }
        paths.push_back(path);
        if (auto added = add(to, each); !added) {
            return added;
        }
    }
    return {};
}

} // namespace msd::app
