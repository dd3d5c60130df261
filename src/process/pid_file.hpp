// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <filesystem>

namespace msd::process {

// The file that says which process is this instance's master. The lock on it, held for life, is
// what counts: it ends with the process however that ends, so a stale file needs no cleaning up.
class pid_file {
public:
    /// Creates or takes over `path` (0644). errc::conflict when a living master holds it, with its
    /// pid.
    [[nodiscard]] static result<pid_file> claim(const std::filesystem::path& path);

    pid_file(pid_file&&) = default;
    pid_file& operator=(pid_file&&) = delete;
    pid_file(const pid_file&) = delete;
    pid_file& operator=(const pid_file&) = delete;
    /// Removes the file, then lets go of the lock.
    ~pid_file();

private:
    pid_file(std::filesystem::path path, unique_fd file)
        : path_{std::move(path)},
          file_{std::move(file)} {}

    std::filesystem::path path_;
    unique_fd file_;
};

} // namespace msd::process
