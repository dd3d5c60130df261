// SPDX-License-Identifier: Apache-2.0
#include "process/inherited_worker.hpp"

#include "base/unique_fd.hpp"
#include "core/worker_message.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace msd::process {

namespace {

int socket_option(int fd, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

// The variable may not come from a master; this process must not use descriptors of other programs.
result<void> check_descriptors(const worker_description& own) {
    if (socket_option(own.control, SO_TYPE) != SOCK_SEQPACKET) {
        return fail(
            errc::invalid,
            fmt::format(
                "{}: descriptor {} is not a control channel (unset the variable to start a master)",
                worker_variable,
                own.control
            )
        );
    }
    for (const int fd : own.listeners) {
        if (socket_option(fd, SO_ACCEPTCONN) != 1) {
            return fail(
                errc::invalid,
                fmt::format("{}: descriptor {} is not a listening socket", worker_variable, fd)
            );
        }
    }
    return {};
}

// When the descriptor table grows while several threads use it, the opening thread waits for an RCU
// grace period of the kernel, some 10 ms, in which a worker would miss its turns to accept. So the
// table gets its size (8 bytes a descriptor) while there is one thread.
void widen_descriptor_table(int any) {
    constexpr rlim_t descriptors = 4096;
    rlimit allowed{};
    getrlimit(RLIMIT_NOFILE, &allowed);
    const rlim_t size = std::min(descriptors, allowed.rlim_cur);
    const unique_fd last{fcntl(any, F_DUPFD_CLOEXEC, static_cast<int>(size) - 1)};
}

// Ends the worker some time after the master has died. A worker whose event loop runs notices the
// end of the control channel and drains; this signal of the kernel is for a worker whose loop hangs
// and which would keep the ports.
void end_with_master() {
    struct sigaction alarmed {};
    alarmed.sa_handler = [](int) {
        alarm(static_cast<unsigned>(core::orphan_limit.count()));
    };
    alarmed.sa_flags = SA_RESTART;
    sigaction(SIGRTMIN, &alarmed, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGRTMIN);
}

void name_process(const worker_description& own) {
    // The kernel would show the number of the descriptor that was executed.
    prctl(PR_SET_NAME, fmt::format("msd:{}", own.pool).c_str());
}

} // namespace

result<std::optional<worker_description>> inherited_worker() {
    const char* const text = std::getenv(worker_variable); // NOLINT(concurrency-mt-unsafe)
    if (text == nullptr) {
        return std::nullopt;
    }
    auto own = decode_worker_description(text);
    if (!own) {
        return tl::unexpected{std::move(own.error())};
    }
    if (const auto usable = check_descriptors(*own); !usable) {
        return tl::unexpected{usable.error()};
    }
    unsetenv(worker_variable); // NOLINT(concurrency-mt-unsafe)
    for (const int fd : own->descriptors()) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    // SIGTTOU: in the background of a terminal with tostop set, a log line would stop the worker.
    for (const int number :
         {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGTTIN, SIGTTOU}) {
        std::signal(number, SIG_IGN);
    }
    widen_descriptor_table(own->control);
    name_process(*own);
    end_with_master();
    // Checked after prctl(): a master that died before it causes no signal.
    if (getppid() != own->master) {
        return fail(errc::closed, "the master has ended");
    }
    return std::optional{std::move(*own)};
}

void report_fatal(const worker_description& own, std::string_view why) {
    const std::string datagram =
        core::encode({core::worker_message::kind::fatal, std::string{why}});
    send(own.control, datagram.data(), datagram.size(), MSG_NOSIGNAL);
}

} // namespace msd::process
