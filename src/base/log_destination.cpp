// SPDX-License-Identifier: Apache-2.0
#include "base/log_destination.hpp"

#include "base/owned_files.hpp"
#include "base/unique_fd.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace msd::log {

// These names are not opened: after a change of user the kernel would refuse it, and a socket has
// no name that can be opened.
std::optional<int> standard_stream(std::string_view file) {
    for (const char* const name : {"", "-", "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"}) {
        if (file == name) {
            return STDERR_FILENO;
        }
    }
    for (const char* const name : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
        if (file == name) {
            return STDOUT_FILENO;
        }
    }
    return std::nullopt;
}

namespace {

constexpr mode_t file_mode = 0600; // log lines can contain what clients send
// O_NONBLOCK is for a path that is not a file, for example a FIFO.
constexpr int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

std::filesystem::path directory_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
}

tl::unexpected<error> cannot_log(const std::string& path, std::string_view why) {
    return fail(errc::unavailable, fmt::format("cannot log to {}: {}", path, why));
}

tl::unexpected<error> cannot_log(const std::string& path, int reason) {
    if (reason == ENXIO) {
        return cannot_log(path, "no process reads it; start its reader first");
    }
    const std::filesystem::path directory = std::filesystem::path{path}.parent_path();
    std::error_code ignored;
    const bool is_missing =
        reason == ENOENT && !directory.empty() && !std::filesystem::exists(directory, ignored);
    return is_missing
               ? cannot_log(
                     path,
                     fmt::format("there is no directory {}; create it first", directory.native())
                 )
               : cannot_log(path, std::generic_category().message(reason));
}

// A FIFO or device may belong to the program that reads it. In a directory where everybody can
// create files it has to belong to a trusted user, because another one can have prepared it.
result<void> check_reader(int directory, const struct stat& facts, const std::string& path) {
    struct stat around {};
    const bool is_trusted = facts.st_uid == 0 || facts.st_uid == geteuid();
    const bool is_prepared_by_anybody =
        ::fstat(directory, &around) != 0 || (around.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    if (!is_trusted && is_prepared_by_anybody) {
        return fail(
            errc::denied,
            fmt::format(
                "{} belongs to user {}, in a directory where other users can create files: choose "
                "another directory",
                path,
                facts.st_uid
            )
        );
    }
    return {};
}

result<unique_fd> open_existing(const file_place& at, const std::string& path) {
    const int follow = at.is_magic ? 0 : O_NOFOLLOW;
    unique_fd file{::openat(at.directory.get(), at.name.c_str(), flags | follow)};
    struct stat facts {};
    if (!file || ::fstat(file.get(), &facts) != 0) {
        return cannot_log(path, errno);
    }
    auto checked = result<void>{};
    if (!S_ISREG(facts.st_mode)) {
        checked = check_reader(at.directory.get(), facts, path);
    } else {
        if (!at.is_magic) {
            checked =
                check_directory(at.directory.get(), directory_of(path), directory_use::shared);
        }
        if (checked) {
            checked = check_file(facts, path, directory_use::shared);
        }
    }
    return checked ? result<unique_fd>{std::move(file)} : tl::unexpected{checked.error()};
}

result<unique_fd> open_file(const std::string& path) {
    // A link in place of the directory has to be a trusted user's, too.
    if (const auto around = find_place(directory_of(path)); !around) {
        return around.error().code == errc::not_found ? cannot_log(path, ENOENT)
                                                      : tl::unexpected{around.error()};
    }
    const auto at = find_place(path);
    if (!at) {
        return at.error().code == errc::not_found ? cannot_log(path, ENOENT)
                                                  : tl::unexpected{at.error()};
    }
    struct stat facts {};
    const bool is_new =
        ::fstatat(at->directory.get(), at->name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0;
    if (is_new && errno == ENOENT) {
        const auto checked =
            check_directory(at->directory.get(), directory_of(path), directory_use::shared);
        if (!checked) {
            return tl::unexpected{checked.error()};
        }
        constexpr int create = flags | O_CREAT | O_EXCL | O_NOFOLLOW;
        unique_fd made{::openat(at->directory.get(), at->name.c_str(), create, file_mode)};
        // Another worker may have created it meanwhile.
        if (made || errno != EEXIST) {
            return made ? result<unique_fd>{std::move(made)} : cannot_log(path, errno);
        }
    }
    return open_existing(*at, path);
}

} // namespace

result<line_writer> open_writer(const std::string& path) {
    if (const auto stream = standard_stream(path)) {
        return line_writer{*stream};
    }
    auto file = open_file(path);
    if (file) {
        return line_writer{std::move(*file)};
    }
    if (file.error().code == errc::denied) {
        return cannot_log(path, file.error().text);
    }
    return tl::unexpected{std::move(file.error())};
}

bool is_journal(int fd) {
    const char* const text = std::getenv("JOURNAL_STREAM"); // NOLINT(concurrency-mt-unsafe)
    struct stat facts {};
    return text != nullptr && ::fstat(fd, &facts) == 0 &&
           text == fmt::format("{}:{}", facts.st_dev, facts.st_ino);
}

} // namespace msd::log
