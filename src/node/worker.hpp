// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "core/accept_share.hpp"
#include "core/input_budget.hpp"
#include "core/metrics.hpp"
#include "core/scoreboard.hpp"
#include "net/listener.hpp"
#include "net/task_group.hpp"
#include "net/watchdog.hpp"
#include "upstream/host_cells.hpp"
#include "upstream/injected_faults.hpp"

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::node {

// What a worker of any role receives from the master.
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
    std::filesystem::path topology_file; // node/topology_file.hpp; empty: none
    int handover = -1; // channel to the worker whose state is taken over; -1: serves at once
    milliseconds drain_timeout{30'000};
    milliseconds heartbeat_every{1000};
};

// The load of a worker, for `msd ctl status`.
struct worker_load {
    std::uint64_t connections = 0; // open now
    std::uint64_t requests = 0;    // answered so far
};

// The part of a worker that depends on its role. run() does the common part: the event loop, its
// tasks, the deadline watchdog and the control channel to the master.
class role {
public:
    virtual ~role() = default;

    /// Prepares the role; connections are accepted afterwards. An error ends the worker: its text
    /// is reported, and the exit code is 1 (errc::invalid: 78, a configuration error).
    virtual asio::awaitable<result<void>> start() = 0;

    /// Takes ownership of an accepted connection and of its accept credit.
    virtual void serve(int fd, net::accept_credit credit) = 0;

    /// Called when no new connections are accepted: finishes requests in flight, at most until
    /// `until`.
    virtual asio::awaitable<void> drain(deadline until) = 0;

    /// Sends the whole state over `to` (net/descriptor_channel.hpp) to the worker that takes over.
    /// Blocks until that worker has confirmed it, because the state must not change during the
    /// handover. After an error nothing has changed.
    [[nodiscard]] virtual result<void> hand_over(const unique_fd& to, deadline until);
    /// Receives the state, after start() and before the first serve(). False when the previous
    /// worker kept its state or has ended.
    [[nodiscard]] virtual asio::awaitable<bool> take_over(unique_fd from);

    /// Applies the live keys of `file`, a sealed configuration file, while this role serves: the
    /// requests in flight and all connections continue. An error leaves everything as it was. It is
    /// called after start(), and again only when the call before has returned.
    [[nodiscard]] virtual asio::awaitable<result<void>> configure(unique_fd file);

    /// Answers a question about this worker, one line of JSON, with one line of JSON: an object, at
    /// most core::worker_question::answer_bytes_max. Changes nothing.
    [[nodiscard]] virtual std::string answer_question(std::string_view question);

    virtual void reopen() {}
    /// Called when worker_environment::workers, the number of workers of the pool, has changed.
    virtual void scaled() {}
    [[nodiscard]] virtual worker_load load() const { return {}; }
    /// More figures, as a JSON object.
    [[nodiscard]] virtual std::string stats() const { return "{}"; }
    /// Called with each heartbeat and before the worker ends: brings metrics up to date that the
    /// role does not count when it happens.
    virtual void update_metrics() {}
};

// The objects that a role uses; they live as long as the worker.
struct worker {
    explicit worker(worker_environment given);

    worker_environment environment;
    std::optional<core::scoreboard> board;   // none: the master gave no scoreboard
    upstream::host_cells cells;              // of the services that it calls, in the board's memory
    upstream::injected_faults faults;        // of its tries at other nodes
    std::optional<core::accept_share> share; // none without a board; outlives every connection
    core::metrics metrics;                   // count nothing without a board
    // Of connections that this worker accepted, and of those that it opened to other nodes. Apart,
    // so that clients cannot displace the replies of services. They outlive every connection.
    core::input_budget input;
    core::input_budget replies;
    asio::io_context loop{1};
    net::task_group tasks;
    net::watchdog dog;
};

/// Runs `instance` until the master stops it or has ended. Returns the worker's exit code.
[[nodiscard]] int run(worker& surroundings, role& instance);

} // namespace msd::node
