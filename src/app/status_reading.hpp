// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Reads the answer of a master on its control socket. The master may be of another version: a
// member that is missing or of another type reads as empty or 0.
namespace msd::app {

[[nodiscard]] std::string text_of(const json::object& from, std::string_view name);
[[nodiscard]] std::int64_t number_of(const json::object& from, std::string_view name);
[[nodiscard]] json::object object_of(const json::object& from, std::string_view name);
/// The values are views into the text that `from` was parsed from.
[[nodiscard]] std::vector<json::value> elements_of(const json::object& from, std::string_view name);

} // namespace msd::app
