// SPDX-License-Identifier: Apache-2.0
#include "base/line_writer.hpp"

#include <climits>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace msd {

line_writer::line_writer(int fd) : fd_{fd}, kind_{kind_of(fd)} {}

line_writer::line_writer(unique_fd file)
    : owned_{std::move(file)},
      fd_{owned_.get()},
      kind_{kind_of(fd_)} {}

line_writer::kind line_writer::kind_of(int fd) {
    struct stat facts {};
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &facts) != 0) {
        return kind::never_blocks; // writing to it fails
    }
    if (S_ISSOCK(facts.st_mode)) {
        return kind::socket;
    }
    if ((flags & O_NONBLOCK) != 0) {
        return kind::never_blocks;
    }
    if (S_ISFIFO(facts.st_mode)) {
        return kind::blocking_pipe;
    }
    return isatty(fd) == 1 ? kind::blocking_terminal : kind::never_blocks;
}

// Another process that shares the pipe may write between this check and the write. The write blocks
// only if that process writes three quarters of the size of the pipe in that moment.
bool line_writer::has_room() const {
    pollfd asked{fd_, POLLOUT, 0};
    if (poll(&asked, 1, 0) != 1) {
        return false;
    }
    if (kind_ != kind::blocking_pipe || (asked.revents & POLLERR) != 0) {
        return true; // POLLERR: no reader is left, so writing fails at once
    }
    int waiting = 0;
    const int size = fcntl(fd_, F_GETPIPE_SZ);
    return ioctl(fd_, FIONREAD, &waiting) == 0 && waiting <= size / 4;
}

int line_writer::write(std::string_view line) {
    if (is_torn_) {
        if (const int why = write_all("\n"); why != 0) {
            return why;
        }
        is_torn_ = false;
    }
    if (kind_ != kind::blocking_pipe && kind_ != kind::blocking_terminal) {
        return write_all(line);
    }
    if (!has_room()) {
        return EAGAIN;
    }
    if (line.size() <= PIPE_BUF) {
        return write_all(line);
    }
    std::array<char, PIPE_BUF> cut{};
    std::memcpy(cut.data(), line.data(), cut.size() - 1);
    cut.back() = '\n';
    return write_all({cut.data(), cut.size()});
}

int line_writer::write_all(std::string_view text) {
    const std::size_t whole = text.size();
    while (!text.empty()) {
        const ssize_t written =
            kind_ == kind::socket
                ? ::send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                : ::write(fd_, text.data(), text.size());
        if (written > 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (written == 0 || errno != EINTR) {
            is_torn_ = is_torn_ || text.size() < whole;
            return written == 0 ? EAGAIN : errno;
        }
    }
    return 0;
}

} // namespace msd
