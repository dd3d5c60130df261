// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace msd::app {

/// A master's status (process/status.hpp) for people: a line about the instance, a row per slot.
[[nodiscard]] std::string
status_table(std::string_view instance, std::string_view status, bool colours);

} // namespace msd::app
