// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <filesystem>
#include <string_view>

// The directory msd keeps its files in: private to its user, on a disk of this machine.
namespace msd::store {

/// Creates what is missing of `directory`, the directory itself with mode 0700. errc::invalid: it
/// lies on a network file system, where the locks and the shared memory of several worker
/// processes do not work. errc::unavailable: it cannot be made or used, with the system's reason.
[[nodiscard]] result<void> prepare_data_directory(const std::filesystem::path& directory);

/// The name of the network file system with this magic number (statfs(2)), empty for others.
[[nodiscard]] std::string_view network_file_system(unsigned long magic);

/// Opens `file` for reading and writing, creating it with mode 0600. errc::unavailable.
[[nodiscard]] result<unique_fd> open_private_file(const std::filesystem::path& file);

/// Sees to it that there is a `file`, made with mode 0600; opens none that is there. Closing any
/// descriptor of a file drops the locks of fcntl(2) that the process has on it, and those of a
/// database are SQLite's: without them the next process that closes it may take itself for the last
/// one and remove the log of the others. errc::unavailable.
[[nodiscard]] result<void> create_private_file(const std::filesystem::path& file);

} // namespace msd::store
