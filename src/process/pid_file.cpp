// SPDX-License-Identifier: Apache-2.0
#include "process/pid_file.hpp"

#include "process/wait_until.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace msd::process {

namespace {

constexpr int tries_max = 8;

std::string first_line(int fd) {
    std::array<char, 32> text{};
    const ssize_t got = pread(fd, text.data(), text.size(), 0);
    const std::string_view read{text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
    return std::string{read.substr(0, read.find('\n'))};
}

// Waits a moment: a master that is being killed still has its lock, a running one keeps it.
bool lock(int fd) {
    return wait_until([fd] { return flock(fd, LOCK_EX | LOCK_NB) == 0; });
}

// The owner removes the file before it unlocks it, so the locked file may have no name any more.
bool is_still_named(int fd, const char* path) {
    struct stat held {};
    struct stat named {};
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

} // namespace

result<pid_file> pid_file::claim(const std::filesystem::path& path) {
    for (int tries = 0; tries < tries_max; ++tries) {
        unique_fd file{open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)};
        if (!file) {
            return fail(
                errc::unavailable,
                fmt::format("{}: {}", path.native(), std::generic_category().message(errno))
            );
        }
        if (!lock(file.get())) {
            return fail(
                errc::conflict,
                fmt::format("already running as pid {} ({})", first_line(file.get()), path.native())
            );
        }
        if (!is_still_named(file.get(), path.c_str())) {
            continue;
        }
        const std::string line = fmt::format("{}\n", getpid());
        if (ftruncate(file.get(), 0) != 0 ||
            pwrite(file.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
            return fail(errc::unavailable, fmt::format("{}: cannot be written", path.native()));
        }
        return pid_file{path, std::move(file)};
    }
    return fail(
        errc::conflict,
        fmt::format("{}: other masters are starting at the same time", path.native())
    );
}

pid_file::~pid_file() {
    if (file_) {
        unlink(path_.c_str());
    }
}

} // namespace msd::process
