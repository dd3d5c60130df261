// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "store/transfer.hpp"

#include <filesystem>
#include <memory>
#include <string_view>

namespace msd::store {

// The rows of one service as a file of JSON lines: a header that names the service, one line per
// row in the order of ids, and a last line with the number of rows, their digest (BLAKE2b-256 over
// the lines) and the next id. A file without that line, or with one that does not match, is
// incomplete, and nothing is read from it.

// An open file. It is separate from reading and writing the rows, because a command that root runs
// opens the files as root, and the database as another user.
struct transfer_file {
    std::filesystem::path path;
    unique_fd directory; // to remove a new file after an error; empty when reading
    unique_fd file;
    bool is_new = false;
};

/// errc::denied: not a regular file. errc::not_found, errc::unavailable.
[[nodiscard]] result<transfer_file> open_transfer_file(const std::filesystem::path& path);

/// Opens the file for writing, and creates it with mode 0600, and its directory with mode 0700.
/// errc::denied: the directory or an existing file belongs to another user, or other users can
/// write to it, except that a directory can be sticky as /tmp is. errc::unavailable.
[[nodiscard]] result<transfer_file> create_transfer_file(const std::filesystem::path& path);

/// Checks the whole file first. errc::malformed: the text has the number of the line.
[[nodiscard]] result<std::unique_ptr<transfer_table>>
read_transfer_file(transfer_file from, std::string_view service);

[[nodiscard]] result<std::unique_ptr<transfer_table>>
read_transfer_file(const std::filesystem::path& from, std::string_view service);

/// Continues an interrupted export: an incomplete last line is removed. A new file is removed again
/// unless finish() or keep() was called. errc::conflict: the file is complete.
[[nodiscard]] result<std::unique_ptr<transfer_table>>
write_transfer_file(transfer_file to, std::string_view service);
[[nodiscard]] result<std::unique_ptr<transfer_table>>
write_transfer_file(const std::filesystem::path& to, std::string_view service);

} // namespace msd::store
