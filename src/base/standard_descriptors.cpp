// SPDX-License-Identifier: Apache-2.0
#include "base/standard_descriptors.hpp"

#include "base/unique_fd.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <termios.h>

namespace msd {

namespace {

bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

// Every process of a session may open its controlling terminal as /dev/tty, even as another user.
std::string name_of_terminal(int fd) {
    const bool is_controlling = tcgetsid(fd) == getsid(0);
    return is_controlling ? "/dev/tty" : fmt::format("/proc/self/fd/{}", fd);
}

} // namespace

void open_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        // open() takes the lowest free number, which is this one.
        if (!is_open(fd) && open("/dev/null", O_RDWR) < 0) {
            // A container without devices. Reading and writing fail, and the number is taken.
            [[maybe_unused]] const int placeholder = open("/", O_PATH);
        }
    }
}

void make_standard_descriptor_nonblocking(int fd) {
    struct stat facts {};
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK) != 0 || fstat(fd, &facts) != 0) {
        return;
    }
    std::string name;
    if (S_ISFIFO(facts.st_mode)) {
        name = fmt::format("/proc/self/fd/{}", fd);
    } else if (isatty(fd) == 1) {
        name = name_of_terminal(fd);
    } else {
        return; // files do not block, and line_writer sends to sockets without waiting
    }
    const unique_fd own{open(name.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (own) {
        dup2(own.get(), fd);
    }
}

} // namespace msd
