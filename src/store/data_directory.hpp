// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <filesystem>
#include <string_view>

// The directory for msd's files: accessible to its user only, on a local disk. A directory or file
// of another user, or one that other users can write to, is refused (base/owned_files.hpp).
namespace msd::store {

/// Creates `directory` with mode 0700, and missing parents, and checks it. errc::invalid: the
/// directory is on a network file system, where locks and shared memory do not work between worker
/// processes. errc::denied: see above. errc::unavailable: it cannot be created or used; the text
/// has the system's reason.
[[nodiscard]] result<void> prepare_data_directory(const std::filesystem::path& directory);

/// The name of the network file system with this magic number (statfs(2)); empty for other file
/// systems.
[[nodiscard]] std::string_view network_file_system(unsigned long magic);

/// Opens `file` for reading and writing, creating it with mode 0600. Permissions of other users to
/// read an existing file are removed, because whoever can read it can lock it. errc::denied,
/// errc::unavailable.
[[nodiscard]] result<unique_fd> open_private_file(const std::filesystem::path& file);

/// Creates `file` with mode 0600 unless it exists; does not open an existing file. Closing any
/// descriptor of a file releases all fcntl(2) locks that the process holds on it. On a database
/// these are SQLite's locks: without them, the next process that closes the database may conclude
/// that it is the last user and delete the write-ahead log of the others. errc::denied,
/// errc::unavailable.
[[nodiscard]] result<void> create_private_file(const std::filesystem::path& file);

/// Checks the directory of `file`, and the file if it exists, without opening it. errc::denied,
/// errc::unavailable.
[[nodiscard]] result<void> check_private_file(const std::filesystem::path& file);

} // namespace msd::store
