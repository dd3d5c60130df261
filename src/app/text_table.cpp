// SPDX-License-Identifier: Apache-2.0
#include "app/text_table.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace msd::app {

namespace {

constexpr std::size_t gap = 2;

std::string padded(const std::vector<std::string>& row, const std::vector<std::size_t>& widths) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
        line += row[column];
        if (column + 1 < row.size()) {
            line.append(widths[column] - display_columns(row[column]) + gap, ' ');
        }
    }
    return line;
}

} // namespace

void text_table::add(std::vector<std::string> row) {
    std::transform(row.begin(), row.end(), row.begin(), printable);
    rows_.push_back(std::move(row));
}

std::string text_table::text(bool colours) const {
    std::vector<std::size_t> widths;
    for (std::size_t column = 0; column < header_.size(); ++column) {
        std::size_t width = header_[column].size();
        for (const auto& row : rows_) {
            width = std::max(width, display_columns(row[column]));
        }
        widths.push_back(width);
    }
    std::string text = colours ? "\x1b[1m" + padded(header_, widths) + "\x1b[0m\n"
                               : padded(header_, widths) + "\n";
    for (const auto& row : rows_) {
        text += padded(row, widths) + "\n";
    }
    return text;
}

} // namespace msd::app
