// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/transfer.hpp"

#include <filesystem>
#include <memory>
#include <string_view>

namespace msd::store {

// The rows of one service as a file of JSON lines: a header that names the service, one line per
// row in the order of ids, and a last line with the number of rows, their digest (BLAKE2b-256 over
// the lines) and the next id. A file without that line, or with one that does not match, is
// incomplete, and nothing is read from it.

/// Checks the whole file first. errc::malformed: the text has the number of the line.
[[nodiscard]] result<std::unique_ptr<transfer_table>>
read_transfer_file(const std::filesystem::path& file, std::string_view service);

/// Creates the file with mode 0600, or continues an interrupted export: an incomplete last line is
/// removed. errc::conflict: the file is complete.
[[nodiscard]] result<std::unique_ptr<transfer_table>>
write_transfer_file(const std::filesystem::path& file, std::string_view service);

} // namespace msd::store
