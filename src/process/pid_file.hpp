// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <filesystem>
#include <utility>

namespace msd::process {

// The file with the pid of this instance's master, and its lock. Everybody may read the pid file,
// and whoever can open a file can lock it. So the lock is on another file beside it (NAME.lock,
// mode 0600), which the master holds for as long as it runs. The kernel releases the lock when the
// process ends, so a stale file needs no cleanup.
//
// An msd of an earlier version locks the pid file itself. The pid file is therefore locked as well,
// for such a master that starts later, but a lock of somebody else on it has no effect: an earlier
// master counts as running only if its control socket (NAME.sock) accepts connections.
class pid_file {
public:
    /// Creates or takes over `path` (0644) and its lock. errc::conflict, with the pid, when a
    /// master holds it that has not ended within wait_max. errc::denied: a file belongs to another
    /// user, or other users can write to it.
    [[nodiscard]] static result<pid_file> claim(const std::filesystem::path& path);

    /// Continues with the pid file that this process claimed before it executed this program. The
    /// descriptor of the lock ended with the earlier program, so the lock is taken again; when that
    /// fails, an error is logged and the master runs without it.
    [[nodiscard]] static pid_file adopt(std::filesystem::path path, unique_fd opened);

    pid_file(pid_file&&) = default;
    pid_file& operator=(pid_file&&) = delete;
    pid_file(const pid_file&) = delete;
    pid_file& operator=(const pid_file&) = delete;
    /// Removes both files, then releases the lock.
    ~pid_file();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// Of the pid file.
    [[nodiscard]] int descriptor() const { return file_.get(); }

private:
    pid_file(std::filesystem::path path, unique_fd file, unique_fd lock)
        : path_{std::move(path)},
          file_{std::move(file)},
          lock_{std::move(lock)} {}

    std::filesystem::path path_;
    unique_fd file_;
    unique_fd lock_;
};

} // namespace msd::process
