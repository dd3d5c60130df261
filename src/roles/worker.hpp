// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "net/listener.hpp"
#include "net/task_group.hpp"
#include "net/watchdog.hpp"

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace msd::roles {

// What the master hands a worker, whatever its role.
struct worker_environment {
    std::string pool; // "gateway", "distributor", "goods", …
    int slot = 0;
    int workers = 1; // of the pool
    std::uint64_t generation = 1;
    std::vector<int> listeners; // bound and listening; owned by the worker from here on
    std::uint16_t port = 0;     // the bound port
    std::string host;           // the address bound first, as text
    int control = -1;           // SOCK_SEQPACKET to the master (core/worker_message.hpp); -1: none
    milliseconds drain_timeout{30'000};
};

// What every role has in common: one event loop, its tasks, the deadline watchdog, the control
// channel to the master. A role is the coroutine functions below; run() is the same for all.
class role {
public:
    virtual ~role() = default;

    /// Gets everything ready; listeners are armed afterwards. An error ends the worker with its
    /// text and exit code 1 (errc::invalid: 78, a configuration error).
    virtual asio::awaitable<result<void>> start() = 0;

    /// Takes over one accepted connection. It holds its accept credit until it lets go of it.
    virtual void serve(int fd, net::accept_credit credit) = 0;

    /// No new connections come any more: finishes what was begun, at most until `until`.
    virtual asio::awaitable<void> drain(deadline until) = 0;

    virtual void reopen() {}
    /// A JSON object for `msd ctl status`.
    [[nodiscard]] virtual std::string stats() const { return "{}"; }
};

// The surroundings a role works in; lives as long as the worker.
struct worker {
    explicit worker(worker_environment given);

    worker_environment environment;
    asio::io_context loop{1};
    net::task_group tasks;
    net::watchdog dog;
};

/// Runs `instance` until the master says so or is gone. Returns the worker's exit code.
[[nodiscard]] int run(worker& surroundings, role& instance);

} // namespace msd::roles
