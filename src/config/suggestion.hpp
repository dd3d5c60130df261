// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

// Suggests a correction for a mistyped name.
namespace msd::config {

/// The candidate with the smallest edit distance to `name`; the first one of several. The distance
/// is at most a third of the letters of `name`, and at least 1 is allowed. Empty when there is
/// none.
[[nodiscard]] std::string_view
closest(std::string_view name, std::span<const std::string_view> candidates);

} // namespace msd::config
