// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/worker_description.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace msd::process {

constexpr int exit_exec_failed = 71; // EX_OSERR, which no program of ours ends with

// The program a master starts its workers from, held open: a package upgrade that replaces the file
// does not mix versions behind the master's back, and a deleted file can still be started.
class executable {
public:
    /// The program that runs now.
    [[nodiscard]] static result<executable> running();
    /// The program at `path`.
    [[nodiscard]] static result<executable> at(const std::string& path);

    /// The same file. errc::unavailable: no descriptor to be had.
    [[nodiscard]] result<executable> again() const;
    /// A descriptor that descriptor() of another process gave.
    [[nodiscard]] static executable adopt(unique_fd file);

    /// Where a newer version of the running program would be put: the path by which it was started,
    /// with the symbolic links in it (`current/msd`), as far as that can be told. A relative path
    /// is completed with $PWD when that is the working directory.
    [[nodiscard]] static std::string path_of_running();

    /// For people: the path it was opened by and, where links lead to another one, that of the
    /// file.
    [[nodiscard]] std::string text() const;

    [[nodiscard]] int descriptor() const { return file_.get(); }

    struct started {
        pid_t pid = -1;
        unique_fd control; // the master's end of the worker's channel
    };

    /// Starts a worker as after vfork(2), with this command line. `description.control` and
    /// `.master` are filled in here; only what it names crosses the exec. A failing exec is told
    /// over the control channel as FATAL, followed by exit_exec_failed. errc::unavailable: no
    /// process or descriptor to be had.
    [[nodiscard]] result<started>
    start(const std::vector<std::string>& command_line, worker_description description) const;

private:
    executable(unique_fd file, std::string path) : file_{std::move(file)}, path_{std::move(path)} {}

    unique_fd file_;
    std::string path_; // empty: that of the file
};

/// What execve() takes: pointers into `texts`, and a null pointer.
[[nodiscard]] std::vector<char*> pointers_to(std::vector<std::string>& texts);

} // namespace msd::process
