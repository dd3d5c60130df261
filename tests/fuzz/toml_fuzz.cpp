// SPDX-License-Identifier: Apache-2.0
#include "app/config_file.hpp"
#include "app/route_rules.hpp"
#include "fuzz_target.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace {

using msd::fuzz::require;
using namespace msd::app;

constexpr std::string_view name = "fuzz.toml";

constexpr std::array<role_facts, 3> roles{{
    {role_kind::distributor, "distributor", "the registry", 9000, 3},
    {role_kind::gateway, "gateway", "the front", 8000, 0},
    {role_kind::service, "goods", "things", 9010, 1},
}};

bool is_printable(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](unsigned char c) {
        return (c < 0x20 && c != '\n') || c == 0x7f;
    });
}

void check_routes(const msd::gateway::gateway_settings& read) {
    for (const msd::core::route_settings& each : read.routes) {
        const int targets = (each.service.empty() ? 0 : 1) + (each.split.empty() ? 0 : 1) +
                            (each.redirect ? 1 : 0) + (each.respond ? 1 : 0);
        require(targets == 1, "a route has one target");
        require(each.path.starts_with('/'), "a route has a path");
        require(!each.name.empty(), "a route has a name");
        require(each.source.starts_with(name), "a route names its source");
        require(each.path.find("//") == std::string::npos, "a path has no empty segment");
        require(!each.redirect || !each.redirect->location.empty(), "a redirect has a target");
    }
    for (const msd::core::upstream_program_settings& each : read.programs) {
        require(!each.name.empty(), "a program has the name of a service");
        for (const std::string& address : each.addresses) {
            const auto again = parse_program_address(address);
            require(again.has_value() && *again == address, "addresses are normalised");
        }
    }
}

void check_accepted(const config_schema& schema, const configuration& read) {
    for (const config_key& key : schema.keys()) {
        configuration again = read;
        if (!key.put) {
            continue;
        }
        const auto set = msd::config::set(again, key, key.get(read));
        require(set.has_value(), "what was read is within its bounds");
        require(key.get(again) == key.get(read), "what was read can be set again");
    }
}

void check_refused(const config_schema& schema, const configuration& read, std::string_view why) {
    require(why.starts_with(name), "a refusal names the file");
    require(is_printable(why), "a refusal cannot steer a terminal");
    require(
        std::count(why.begin(), why.end(), '\n') <=
            static_cast<std::ptrdiff_t>(config_problems_max),
        "a refusal is bounded"
    );
    const configuration defaults = schema.defaults();
    for (const config_key& key : schema.keys()) {
        require(key.is_same(read, defaults), "a refused file changes nothing");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const config_schema schema{roles};
    configuration read = schema.defaults();
    const auto done = read_config(msd::fuzz::text_of(data, size), name, schema, read);
    if (done) {
        check_accepted(schema, read);
        check_routes(read.gateway);
    } else {
        check_refused(schema, read, done.error().text);
    }
    return 0;
}
