// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/top_figures.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace msd::app {

// What the text of `msd top` may occupy.
struct text_space {
    std::size_t columns = 0; // 0: any number
    std::size_t rows = 0;    // lines; 0: any number
    bool has_colours = false;
};

/// Lines for people: a summary, then routes, services and instances. `about`: the first line, such
/// as the name of the instance; printable. What does not fit is left out, the rows with the fewest
/// requests first.
[[nodiscard]] std::vector<std::string>
top_lines(const top_figures& figures, std::string_view about, const text_space& space);

/// How many rows each of the tables gets, when they have `wanted` rows and `all` are to be given
/// away: equal parts, and what one does not need goes to the others.
[[nodiscard]] std::vector<std::size_t>
divide_rows(const std::vector<std::size_t>& wanted, std::size_t all);

} // namespace msd::app
