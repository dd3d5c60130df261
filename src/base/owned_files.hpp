// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

// Opens the directories and files that msd uses so that no other user of the machine can choose or
// change them. Owner and mode are read from the open descriptor, never by name: a name can mean
// another file at the next call. Trusted owners are the effective user of the process, and root.
//
// Errors have a text that says what to do. errc::denied: another user owns the file or can change
// it; errc::not_found: it does not exist; errc::unavailable: the system's reason.
namespace msd {

// Who, besides its owner, may write to a directory.
enum class directory_use : std::uint8_t {
    own,    // nobody: databases, locks, sockets
    shared, // other users, if the directory is sticky as /tmp is: exports and log files
};

// A name in an open directory.
struct file_place {
    unique_fd directory; // opened with O_PATH
    std::string name;
    bool is_magic = false; // a link of /proc, which the kernel follows to an open file
};

/// Where `path` is. Follows symbolic links in its last component, at most 16 and only those of a
/// trusted owner: a service manager may link /var/lib/msd to another directory. The file itself
/// need not exist.
[[nodiscard]] result<file_place> find_place(const std::filesystem::path& path);

/// Opens an existing directory with O_PATH, whoever owns it.
[[nodiscard]] result<unique_fd> open_directory(const std::filesystem::path& path);

/// The same; creates the directory with `mode`, and missing parents with mode 0755.
[[nodiscard]] result<unique_fd> make_directory(const std::filesystem::path& path, mode_t mode);

/// Whether a trusted owner owns the directory and other users cannot write to it. `shown` is its
/// name in messages.
[[nodiscard]] result<void>
check_directory(int directory, const std::filesystem::path& shown, directory_use use);

/// Opens an existing directory and checks it.
[[nodiscard]] result<unique_fd>
open_checked_directory(const std::filesystem::path& path, directory_use use);

/// The same for a file: it is a regular one, and in a shared directory it has no second name (hard
/// link), which another user can have made.
[[nodiscard]] result<void>
check_file(const struct stat& facts, const std::filesystem::path& shown, directory_use use);
[[nodiscard]] result<void>
check_file(int file, const std::filesystem::path& shown, directory_use use);

/// Creates `name` with `mode` for reading and writing; with no descriptor when it exists.
/// O_NOFOLLOW, O_EXCL.
[[nodiscard]] result<unique_fd>
create_file(const file_place& at, const std::filesystem::path& shown, mode_t mode);

/// Opens an existing file with `flags` and checks it. Does not follow links and does not wait for
/// the other end of a FIFO.
[[nodiscard]] result<unique_fd> open_checked_file(
    const file_place& at,
    const std::filesystem::path& shown,
    int flags,
    directory_use use
);

/// Opens the directory if root owns it and every directory and link on the way to it: no other user
/// can have put a directory or link of its own there to choose what the path means. `missing_mode`
/// creates what is missing; 0 does not. No descriptor otherwise.
[[nodiscard]] unique_fd
open_directory_of_root(const std::filesystem::path& path, mode_t missing_mode = 0);

} // namespace msd
