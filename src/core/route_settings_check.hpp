// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "core/route_settings.hpp"

#include <string>
#include <string_view>

namespace msd::core {

/// What is wrong with one route by itself; core/configured_routes.hpp compares routes with each
/// other. errc::invalid, errc::too_large: the text begins with the source and names the key.
[[nodiscard]] result<void> check(const route_settings& route);

/// The path of a route, of the configuration or of a web program: correct percent-escapes, no empty
/// or dot segments, braces only around the names of whole segments. errc::invalid with a text that
/// continues the name of the key.
[[nodiscard]] result<void> check_path(std::string_view path);

/// The beginning of such a text: "msd.toml:7: path: ".
[[nodiscard]] std::string place_of(const route_settings& route, std::string_view key);

} // namespace msd::core
