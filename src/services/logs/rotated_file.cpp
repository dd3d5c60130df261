// SPDX-License-Identifier: Apache-2.0
#include "services/logs/rotated_file.hpp"

#include "base/owned_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace msd::services {

namespace {

constexpr int earlier_files_max = 8; // of an earlier version of msd

tl::unexpected<error> system_failure(int code) {
    return fail(errc::unavailable, std::generic_category().message(code));
}

} // namespace

rotated_file::rotated_file(std::filesystem::path path, limits bounds)
    : path_{std::move(path)},
      bounds_{std::move(bounds)} {}

result<void> rotated_file::append(std::string_view lines) {
    do { // no lines: creates the file
        std::size_t end = lines.size();
        if (end > piece_bytes) {
            end = lines.rfind('\n', piece_bytes - 1);
            end = end == std::string_view::npos ? lines.find('\n') : end;
            end = std::min(end, lines.size() - 1) + 1;
        }
        if (auto written = append_piece(lines.substr(0, end)); !written) {
            return written;
        }
        lines.remove_prefix(end);
    } while (!lines.empty());
    return {};
}

result<void> rotated_file::append_piece(std::string_view lines) {
    if (!file_ || !is_at_path()) {
        if (auto opened = open(); !opened) {
            return opened;
        }
    }
    struct stat facts {};
    if (::fstat(file_.get(), &facts) == 0 && facts.st_size > 0 &&
        static_cast<std::size_t>(facts.st_size) + lines.size() > bounds_.bytes_max) {
        rotate();
        if (auto opened = open(); !opened) {
            return opened;
        }
        cut_ = false;
    }
    const std::string repaired = cut_ ? "\n" + std::string{lines} : std::string{};
    std::string_view rest = cut_ ? std::string_view{repaired} : lines;
    while (!rest.empty()) {
        const auto written = ::write(file_.get(), rest.data(), rest.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return system_failure(written < 0 ? errno : EIO);
        }
        cut_ = rest[static_cast<std::size_t>(written) - 1] != '\n';
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

result<void> rotated_file::open() {
    // O_NONBLOCK: does not wait for the other end of a FIFO.
    constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    file_.reset(::open(path_.c_str(), flags, S_IRUSR | S_IWUSR));
    if (!file_) {
        return system_failure(errno);
    }
    auto checked = check_file(file_.get(), path_, directory_use::own);
    if (!checked) {
        file_.reset();
    }
    return checked;
}

bool rotated_file::is_at_path() const {
    struct stat held {};
    struct stat named {};
    return ::fstat(file_.get(), &held) == 0 && ::stat(path_.c_str(), &named) == 0 &&
           held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

// When renaming fails, the current file grows beyond its limit instead of lines being dropped.
void rotated_file::rotate() {
    std::error_code ignored;
    for (int number = bounds_.files_max - 1; number > 0; --number) {
        std::filesystem::rename(numbered(path_, number - 1), numbered(path_, number), ignored);
    }
    if (bounds_.files_max == 1) {
        std::filesystem::remove(path_, ignored);
    }
    delete_oldest_of_earlier_version();
}

void rotated_file::delete_oldest_of_earlier_version() {
    std::error_code ignored;
    for (int number = earlier_files_max - 1; number >= 0 && !bounds_.older.empty(); --number) {
        if (std::filesystem::remove(numbered(bounds_.older, number), ignored)) {
            return;
        }
    }
}

std::filesystem::path rotated_file::numbered(const std::filesystem::path& path, int number) {
    auto name = path;
    if (number > 0) {
        name += '.' + std::to_string(number);
    }
    return name;
}

} // namespace msd::services
