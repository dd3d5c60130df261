// SPDX-License-Identifier: Apache-2.0
#include "base/log_destination.hpp"

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

// The file is readable by its owner only, because log lines can contain what clients send.
// O_NONBLOCK is for a path that is not a file, for example a FIFO.
result<line_writer> open_writer(const std::string& path) {
    if (const auto stream = standard_stream(path)) {
        return line_writer{*stream};
    }
    constexpr mode_t mode = 0600;
    constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    unique_fd file{::open(path.c_str(), flags, mode)};
    if (file) {
        return line_writer{std::move(file)};
    }
    const int reason = errno;
    if (reason == ENXIO) {
        return fail(
            errc::unavailable,
            fmt::format("cannot log to {}: no process reads it; start its reader first", path)
        );
    }
    const std::filesystem::path directory = std::filesystem::path{path}.parent_path();
    std::error_code ignored;
    const bool is_missing =
        reason == ENOENT && !directory.empty() && !std::filesystem::exists(directory, ignored);
    return fail(
        errc::unavailable,
        is_missing
            ? fmt::format(
                  "cannot log to {}: there is no directory {}; create it first",
                  path,
                  directory.native()
              )
            : fmt::format("cannot log to {}: {}", path, std::generic_category().message(reason))
    );
}

bool is_journal(int fd) {
    const char* const text = std::getenv("JOURNAL_STREAM"); // NOLINT(concurrency-mt-unsafe)
    struct stat facts {};
    return text != nullptr && ::fstat(fd, &facts) == 0 &&
           text == fmt::format("{}:{}", facts.st_dev, facts.st_ino);
}

} // namespace msd::log
