// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/worker_description.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace msd::process {

constexpr int exit_exec_failed = 71; // EX_OSERR; msd itself never exits with this code

// The program that a master starts its workers from. The file is held open, so all workers have the
// same version even when a package upgrade replaces the file, and a deleted file can be started.
class executable {
public:
    /// The program that this process executes.
    [[nodiscard]] static result<executable> running();
    /// The program at `path`.
    [[nodiscard]] static result<executable> at(const std::string& path);

    /// Another handle of the same file. errc::unavailable: no descriptor is free.
    [[nodiscard]] result<executable> again() const;
    /// Takes ownership of a descriptor that descriptor() returned before an exec.
    [[nodiscard]] static executable adopt(unique_fd file);

    /// Where a newer version of the running program would be put: the path by which it was started,
    /// with the symbolic links in it (`current/msd`), as far as that can be told. A relative path
    /// is completed with $PWD when that is the working directory.
    [[nodiscard]] static std::string path_of_running();

    /// For messages: the path by which the program was opened and, when that contains symbolic
    /// links, the path of the file.
    [[nodiscard]] std::string text() const;

    [[nodiscard]] int descriptor() const { return file_.get(); }

    struct started {
        pid_t pid = -1;
        unique_fd control; // the master's end of the worker's channel
    };

    /// Starts a worker as after vfork(2), with this command line. `description.control` and
    /// `.master` are filled in here; only the descriptors it names stay open over the exec. When
    /// the exec fails, the child reports FATAL over the control channel and exits with
    /// exit_exec_failed. errc::unavailable: no process or descriptor is free.
    [[nodiscard]] result<started>
    start(const std::vector<std::string>& command_line, worker_description description) const;

private:
    executable(unique_fd file, std::string path) : file_{std::move(file)}, path_{std::move(path)} {}

    unique_fd file_;
    std::string path_; // empty: the path of the file
};

/// What execve() takes: pointers into `texts`, and a null pointer.
[[nodiscard]] std::vector<char*> pointers_to(std::vector<std::string>& texts);

} // namespace msd::process
