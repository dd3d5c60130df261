// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

// What somebody probably meant who typed a name that does not exist.
namespace msd::app {

/// The one of `candidates` that `name` becomes with the fewest edits, at most a third of its
/// letters (one in short names); the first of several. Empty when there is none.
[[nodiscard]] std::string_view
closest(std::string_view name, std::span<const std::string_view> candidates);

} // namespace msd::app
