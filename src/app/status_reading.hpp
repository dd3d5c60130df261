// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What a master answers on its control socket, which may be of another version than this program:
// what is not there, or is something else, reads as empty or 0.
namespace msd::app {

[[nodiscard]] std::string text_of(const json::object& from, std::string_view name);
[[nodiscard]] std::int64_t number_of(const json::object& from, std::string_view name);
[[nodiscard]] json::object object_of(const json::object& from, std::string_view name);
/// Views into what `from` was read from.
[[nodiscard]] std::vector<json::value> elements_of(const json::object& from, std::string_view name);

} // namespace msd::app
