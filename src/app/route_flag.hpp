// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "gateway/settings.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// --route PATH=ADDRESS,…: a route and its HTTP programs without a configuration file.
namespace msd::app {

constexpr std::size_t route_flags_max = 1000;
constexpr std::string_view route_flag_source = "--route"; // of these routes and programs

/// Adds a route for each text, and a program with the path as its name and the values of
/// [upstream.default]. It replaces the routes of the file with this path, any host and any method,
/// because a flag overrides the file. errc::invalid quotes the text.
[[nodiscard]] result<void>
add_route_flags(gateway::gateway_settings& to, const std::vector<std::string>& texts);

} // namespace msd::app
