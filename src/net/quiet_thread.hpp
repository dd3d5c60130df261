// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <exception>
#include <thread>
#include <utility>

namespace msd::net {

// While it exists, the calling thread receives no signal. Threads started during that time never
// receive one.
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

/// Logs the exception and ends the process: the master replaces the worker.
[[noreturn]] void end_by_exception_of_thread(const std::exception_ptr& thrown);

/// Starts a thread that runs `work` and receives no signal: the event loop handles signals. An
/// exception that leaves `work` is logged and ends the process. Throws std::system_error when no
/// thread can be started.
template <class F>
[[nodiscard]] std::thread quiet_thread(F work) {
    const signals_blocked meanwhile;
    return std::thread{[work = std::move(work)]() mutable {
        try {
            work();
        } catch (...) {
            end_by_exception_of_thread(std::current_exception());
        }
    }};
}

} // namespace msd::net
