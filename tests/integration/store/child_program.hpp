// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace msd::test {

/// Checks `condition` every few milliseconds until it holds; false after `limit`.
[[nodiscard]] bool
eventually(const std::function<bool()>& condition, milliseconds limit = std::chrono::seconds{30});

/// The state letter of a process as proc(5) has it; 'Z' when there is none.
[[nodiscard]] char process_state(pid_t pid);

/// Where `program` is installed; throws with the name of its Debian package when it is not.
[[nodiscard]] std::filesystem::path
installed_program(const std::string& program, const std::string& package);

struct nobody_ids {
    uid_t user = 0;
    gid_t group = 0;
};

/// The ids of the user `nobody`.
[[nodiscard]] nobody_ids ids_of_nobody();

// A child process that runs another program and lives as long as the object. It has a process group
// of its own. The destructor kills the group, and so does the kernel when the thread that started
// it ends first. So start it on a thread that outlives it.
class child_program {
public:
    enum class user : std::uint8_t {
        same,
        nobody, // if the test runs as root; otherwise the test's user
    };

    /// Output of the program is appended to the file `output`.
    child_program(
        std::vector<std::string> command,
        const std::filesystem::path& output,
        user as = user::same
    );
    ~child_program();
    child_program(const child_program&) = delete;
    child_program& operator=(const child_program&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    void signal(int number) const;
    [[nodiscard]] bool ended();
    /// The exit code, or minus the signal that killed it; nullopt when it still runs after `limit`.
    [[nodiscard]] std::optional<int> wait(milliseconds limit);

private:
    pid_t pid_ = -1;
    std::optional<int> status_;
};

/// Runs a program to its end and returns what it wrote; throws when it fails or takes too long.
std::string
run_program(std::vector<std::string> command, milliseconds limit = std::chrono::seconds{60});

/// The last lines of a text file; empty when there is none.
[[nodiscard]] std::string tail_of(const std::filesystem::path& file, std::size_t lines = 40);

// A TCP port of the loopback that is reserved while the object lives, so that a server can use it,
// stop and use it again. It is bound but never listened on here, so that a server that sets
// SO_REUSEADDR can bind it as well.
class reserved_port {
public:
    reserved_port();

    [[nodiscard]] std::uint16_t number() const { return number_; }

private:
    unique_fd socket_;
    std::uint16_t number_ = 0;
};

} // namespace msd::test
