// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <thread>
#include <utility>

namespace msd::net {

// While it lives the calling thread is sent no signal, nor are those it starts, ever.
class signals_blocked {
public:
    signals_blocked() {
        sigset_t all{};
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    signals_blocked(const signals_blocked&) = delete;
    signals_blocked& operator=(const signals_blocked&) = delete;

private:
    sigset_t before_{};
};

/// A thread that runs `work` and is sent no signal, not even before its first line: signals are the
/// loop's business. Throws std::system_error when there can be no thread.
template <class F>
[[nodiscard]] std::thread quiet_thread(F work) {
    const signals_blocked meanwhile;
    return std::thread{std::move(work)};
}

} // namespace msd::net
