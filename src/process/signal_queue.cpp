// SPDX-License-Identifier: Apache-2.0
#include "process/signal_queue.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace msd::process {

signal_queue::signal_queue() {
    sigset_t handled;
    sigemptyset(&handled);
    for (const int number :
         {SIGTERM,
          SIGQUIT,
          SIGINT,
          SIGHUP,
          SIGUSR1,
          SIGUSR2,
          SIGTTIN,
          SIGTTOU,
          SIGWINCH,
          SIGCHLD}) {
        sigaddset(&handled, number);
    }
    pthread_sigmask(SIG_BLOCK, &handled, nullptr);
    // When SIGCHLD is ignored, which is inherited from the parent, the kernel reaps children itself
    // and their exit status is lost.
    std::signal(SIGCHLD, SIG_DFL);
    std::signal(SIGPIPE, SIG_IGN);
    descriptor_.reset(signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
}

int signal_queue::next() const {
    signalfd_siginfo info{};
    const ssize_t got = read(descriptor_.get(), &info, sizeof info);
    return got == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
}

} // namespace msd::process
