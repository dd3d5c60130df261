// SPDX-License-Identifier: Apache-2.0
#include "process/terminal.hpp"

#include "base/unique_fd.hpp"

#include <fcntl.h>

#include <cerrno>
#include <csignal>

namespace msd::process {

namespace {

// 0, or the reason as in errno: ENXIO when this process has no controlling terminal.
int open_controlling_terminal() {
    const unique_fd terminal{open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
    return terminal ? 0 : errno;
}

bool ignores_hangup() {
    struct sigaction now {};
    return sigaction(SIGHUP, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

} // namespace

starting_terminal::starting_terminal()
    : was_there_{!ignores_hangup() && open_controlling_terminal() == 0} {}

// When a terminal hangs up, the kernel detaches it from all processes of its session before it
// sends HUP. Other errors, such as no free descriptor, do not mean that it is gone.
bool starting_terminal::is_gone() const {
    if (!was_there_) {
        return false;
    }
    const int why = open_controlling_terminal();
    return why == ENXIO || why == EIO;
}

} // namespace msd::process
