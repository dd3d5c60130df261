// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <filesystem>
#include <utility>

namespace msd::process {

// The file with the pid of this instance's master. The master holds a lock on it for as long as it
// runs; the kernel releases the lock when the process ends, so a stale file needs no cleanup.
class pid_file {
public:
    /// Creates or takes over `path` (0644). errc::conflict, with the pid, when a master holds it
    /// that has not ended within wait_max.
    [[nodiscard]] static result<pid_file> claim(const std::filesystem::path& path);

    /// Continues the lock that this process claimed before it executed this program.
    [[nodiscard]] static pid_file adopt(std::filesystem::path path, unique_fd locked) {
        return {std::move(path), std::move(locked)};
    }

    pid_file(pid_file&&) = default;
    pid_file& operator=(pid_file&&) = delete;
    pid_file(const pid_file&) = delete;
    pid_file& operator=(const pid_file&) = delete;
    /// Removes the file, then releases the lock.
    ~pid_file();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] int descriptor() const { return file_.get(); }

private:
    pid_file(std::filesystem::path path, unique_fd file)
        : path_{std::move(path)},
          file_{std::move(file)} {}

    std::filesystem::path path_;
    unique_fd file_;
};

} // namespace msd::process
