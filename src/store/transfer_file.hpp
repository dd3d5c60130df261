// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/transfer.hpp"

#include <filesystem>
#include <memory>
#include <string_view>

namespace msd::store {

// The rows of one service as a file of JSON lines: a header that names the service, one line per
// row in the order of ids, and a last line with their number, their digest (BLAKE2b-256 over the
// lines) and the next id. Without that line, or when it does not fit, the file is incomplete and
// nothing is read from it.

/// Looks through the whole file first. errc::malformed with the number of the line.
[[nodiscard]] result<std::unique_ptr<transfer_table>>
read_transfer_file(const std::filesystem::path& file, std::string_view service);

/// Creates the file with mode 0600, or goes on where an interrupted export left it: a line that is
/// not whole is cut off. errc::conflict: it is complete already.
[[nodiscard]] result<std::unique_ptr<transfer_table>>
write_transfer_file(const std::filesystem::path& file, std::string_view service);

} // namespace msd::store
