// SPDX-License-Identifier: Apache-2.0
#include "process/pid_file.hpp"

#include "base/log.hpp"
#include "base/owned_files.hpp"
#include "process/unix_address.hpp"
#include "process/wait_until.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
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
constexpr mode_t lock_mode = 0600;
constexpr mode_t pid_mode = 0644;

std::filesystem::path lock_of(std::filesystem::path path) {
    return path.replace_extension(".lock");
}

std::string first_line(int fd) {
    std::array<char, 32> text{};
    const ssize_t got = pread(fd, text.data(), text.size(), 0);
    const std::string_view read{text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
    return std::string{read.substr(0, read.find('\n'))};
}

bool try_to_lock(int fd) {
    return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

// The owner removes the file before it unlocks it, so the locked file may have no name any more.
bool is_still_named(int fd, const char* path) {
    struct stat held {};
    struct stat named {};
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

// A master of an earlier version that is starting has no control socket for a moment. It has bound
// its ports by then, so another master with the same ports does not come this far.
bool has_control_socket(std::filesystem::path path) {
    const auto address = unix_address(path.replace_extension(".sock"));
    const unique_fd asking{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    return address && asking &&
           (connect(asking.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) ==
                0 ||
            errno == EAGAIN); // many clients wait
}

result<unique_fd> open_or_create(const std::filesystem::path& path, mode_t mode) {
    const auto at = find_place(path);
    if (!at) {
        return tl::unexpected{at.error()};
    }
    auto opened = create_file(*at, path, mode);
    if (!opened || *opened) {
        return opened;
    }
    return open_checked_file(*at, path, O_RDWR, directory_use::own);
}

tl::unexpected<error> already_running(int pid_file, const std::filesystem::path& path) {
    return fail(
        errc::conflict,
        fmt::format("already running as pid {} ({})", first_line(pid_file), path.native())
    );
}

result<void> write_pid(int fd, const std::filesystem::path& path) {
    const std::string line = fmt::format("{}\n", getpid());
    if (ftruncate(fd, 0) != 0 ||
        pwrite(fd, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) {
        return fail(errc::unavailable, fmt::format("{}: cannot be written", path.native()));
    }
    return {};
}

// The lock of the instance; no descriptor: another master has removed the file meanwhile.
result<unique_fd> try_to_claim(const std::filesystem::path& path, int pid_file) {
    const auto lock_path = lock_of(path);
    auto lock = open_or_create(lock_path, lock_mode);
    if (!lock) {
        return lock;
    }
    struct stat facts {};
    if (fstat(lock->get(), &facts) == 0 && (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        fchmod(lock->get(), lock_mode);
    }
    // Waits a moment: a master that is being killed still has its lock, a running one keeps it.
    if (!wait_until([fd = lock->get()] { return try_to_lock(fd); })) {
        return already_running(pid_file, path);
    }
    return is_still_named(lock->get(), lock_path.c_str()) ? std::move(lock)
                                                          : result<unique_fd>{unique_fd{}};
}

} // namespace

result<pid_file> pid_file::claim(const std::filesystem::path& path) {
    for (int tries = 0; tries < tries_max; ++tries) {
        auto file = open_or_create(path, pid_mode);
        if (!file) {
            return tl::unexpected{std::move(file.error())};
        }
        auto lock = try_to_claim(path, file->get());
        if (!lock) {
            return tl::unexpected{std::move(lock.error())};
        }
        if (!*lock) {
            continue;
        }
        const bool is_free = wait_until([&path, fd = file->get()] {
            return try_to_lock(fd) || !has_control_socket(path);
        });
        if (!is_free) {
            return already_running(file->get(), path);
        }
        if (!is_still_named(file->get(), path.c_str())) {
            continue;
        }
        if (auto written = write_pid(file->get(), path); !written) {
            return tl::unexpected{std::move(written.error())};
        }
        return pid_file{path, std::move(*file), std::move(*lock)};
    }
    return fail(
        errc::conflict,
        fmt::format("{}: other masters are starting at the same time", path.native())
    );
}

pid_file pid_file::adopt(std::filesystem::path path, unique_fd opened) {
    auto lock = try_to_claim(path, opened.get());
    if (!lock) {
        log::error("the lock of this instance was not taken: {}", lock.error().text);
    }
    return {std::move(path), std::move(opened), lock ? std::move(*lock) : unique_fd{}};
}

pid_file::~pid_file() {
    if (file_) {
        unlink(path_.c_str());
    }
    if (lock_) {
        unlink(lock_of(path_).c_str());
    }
}

} // namespace msd::process
