// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/problems.hpp"
#include "config/value.hpp"

#include <string_view>

// The text of a configuration file as a tree. The only user of toml++.
namespace msd::config {

// Mistakes of syntax that are reported for one text.
constexpr std::size_t syntax_problems_max = 20;

/// The tables of a TOML document. A line with a mistake of syntax is reported and left out, and the
/// rest is read without it, as long as the mistakes are not in lines next to each other: those may
/// be results of the first one.
[[nodiscard]] table parse_toml(std::string_view text, problems& wrong);

} // namespace msd::config
