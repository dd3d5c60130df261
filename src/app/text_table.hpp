// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace msd::app {

// Columns for a terminal: padded to their widest cell, the header bold where `colours` says so.
// Cells are made printable (base/printable.hpp): the names of nodes are untrusted input.
class text_table {
public:
    explicit text_table(std::vector<std::string> header) : header_{std::move(header)} {}

    /// As many cells as the header has.
    void add(std::vector<std::string> row);

    [[nodiscard]] std::string text(bool colours) const;

private:
    std::vector<std::string> header_;
    std::vector<std::vector<std::string>> rows_;
};

} // namespace msd::app
