// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "core/accept_share.hpp"
#include "core/scoreboard.hpp"
#include "net/listener.hpp"
#include "net/task_group.hpp"
#include "net/watchdog.hpp"

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
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
    int board = -1;             // core::scoreboard's memory, -1: none …
    std::size_t line = 0;       // … and this worker's line in it
    std::filesystem::path topology_file; // roles/topology_file.hpp; empty: none
    int handover = -1; // to the worker whose state this one takes over; -1: serves at once
    milliseconds drain_timeout{30'000};
    milliseconds heartbeat_every{1000};
};

// How much there is to do, for `msd ctl status`.
struct worker_load {
    std::uint64_t connections = 0; // open now
    std::uint64_t requests = 0;    // answered so far
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

    /// Leaves everything to the worker behind `to` (net/descriptor_channel.hpp), which takes over;
    /// afterwards this role has nothing left. Blocks until then: nothing may change meanwhile. An
    /// error says why all is as before.
    [[nodiscard]] virtual result<void> hand_over(const unique_fd& to, deadline until);
    /// The other end, after start() and before the first serve(). Tells whether it took over; false
    /// when the worker before it kept what it has, or is gone.
    [[nodiscard]] virtual asio::awaitable<bool> take_over(unique_fd from);

    virtual void reopen() {}
    /// The pool has another number of workers: worker_environment::workers.
    virtual void scaled() {}
    [[nodiscard]] virtual worker_load load() const { return {}; }
    /// More of it, as a JSON object.
    [[nodiscard]] virtual std::string stats() const { return "{}"; }
};

// The surroundings a role works in; lives as long as the worker.
struct worker {
    explicit worker(worker_environment given);

    worker_environment environment;
    std::optional<core::scoreboard> board;   // none: not told one …
    std::optional<core::accept_share> share; // … and then no share; outlives every connection
    asio::io_context loop{1};
    net::task_group tasks;
    net::watchdog dog;
};

/// Runs `instance` until the master says so or is gone. Returns the worker's exit code.
[[nodiscard]] int run(worker& surroundings, role& instance);

} // namespace msd::roles
