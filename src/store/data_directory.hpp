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

} // namespace msd::store
