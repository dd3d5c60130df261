// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

// Suggests a correction for a mistyped name.
namespace msd::app {

/// The candidate with the smallest edit distance to `name`, at most a third of its letters (one in
/// short names); the first of several. Empty when there is none.
[[nodiscard]] std::string_view
closest(std::string_view name, std::span<const std::string_view> candidates);

} // namespace msd::app
