// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/node.hpp"
#include "net/task_group.hpp"
#include "net/watchdog.hpp"
#include "upstream/host_cells.hpp"
#include "upstream/injected_faults.hpp"
#include "upstream/settings.hpp"
#include "upstream/upstream_connection.hpp"

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace msd::upstream {

// The objects that all nodes of a worker's upstreams share.
struct upstream_surroundings {
    asio::any_io_executor executor;
    net::watchdog& dog;
    net::task_group& tasks;
    upstream_settings settings;
    caller_identity self;
    core::input_budget* memory = nullptr; // of unfinished replies; must outlive the connections
    host_cells* cells = nullptr;          // null: policies know of this caller only
    injected_faults* faults = nullptr;    // of its tries; null: none
};

// How well a connection suits a request, in the order of preference.
enum class fitness : std::uint8_t {
    good,
    doubtful,   // the peer owes a reply and sends nothing
    going_away, // the peer is about to close the connection
    suspect,    // a request timed out, and a trial request is not due or not safe
    none,       // no connection can take the request
};

// The connections of a caller to one instance of a service: one to each of its workers. It
// reconnects when a connection ends and backs off while the instance cannot be reached. One
// coroutine per node connects, so there is one attempt at a time.
class upstream_node : public std::enable_shared_from_this<upstream_node> {
public:
    upstream_node(
        const upstream_surroundings& around,
        std::shared_ptr<const core::node_info> info,
        std::function<void()> on_change
    );

    /// Starts connecting and reconnecting, until drain(). Does nothing when started already.
    void start();
    /// Takes no new requests; each connection closes when its last reply has arrived.
    void drain();
    /// Closes all connections now.
    void close();

    void update(std::shared_ptr<const core::node_info> info);
    [[nodiscard]] const core::node_info& info() const { return *info_; }
    [[nodiscard]] const std::shared_ptr<const core::node_info>& shared_info() const {
        return info_;
    }

    struct choice {
        std::shared_ptr<upstream_connection> connection; // null with fitness::none
        fitness how = fitness::none;
    };
    /// The connection that suits this request best; equal connections are used in turn.
    [[nodiscard]] choice pick(const outgoing& request);
    /// No connection yet, but a first attempt is under way.
    [[nodiscard]] bool is_connecting() const;
    /// The kernel of the node's host has accepted a connection, and the node has sent no hello yet.
    [[nodiscard]] bool awaits_greeting() const;
    /// There are connections for requests, and at least one is full.
    [[nodiscard]] bool is_full() const;
    /// The last attempts to connect failed.
    [[nodiscard]] bool is_unreachable() const { return failures_ > 0; }
    [[nodiscard]] bool has_connections() const { return !connections_.empty(); }
    /// It has no connection, and was connected before or cannot be reached.
    [[nodiscard]] bool is_lost() const {
        return connections_.empty() && (was_connected_ || is_unreachable());
    }

    /// What the connections show of the instance: an msd node answers pings, of a foreign one a
    /// connection is open. nullopt: nothing, because there was no attempt to connect, or the first
    /// one is under way.
    [[nodiscard]] std::optional<core::resilience::check_result> check() const;

    std::shared_ptr<endpoint_claim> claim; // set by upstreams
    // Since when the registry's list lacks this node; time_point::max(): it is listed.
    time_point absent_since = time_point::max();
    // When the registry connection was made whose list had the node before it was removed; not set
    // when that connection never listed it.
    std::optional<time_point> removed_under;

private:
    asio::awaitable<void> maintain();
    asio::awaitable<void> open_connection();
    asio::awaitable<bool> settle(std::shared_ptr<upstream_connection> fresh);
    void note_proof_failure(const upstream_connection& failed) const;
    void serve_foreign(upstream_connection& fresh);
    asio::awaitable<void> watch(std::shared_ptr<upstream_connection> served);
    asio::awaitable<void> rest();
    [[nodiscard]] bool wants_connection() const;
    [[nodiscard]] std::size_t serving() const;
    void changed();
    void drain_going_away();

    const upstream_surroundings& around_;
    std::shared_ptr<const core::node_info> info_;
    std::function<void()> on_change_;
    std::vector<std::shared_ptr<upstream_connection>> connections_;
    asio::steady_timer wake_;
    std::size_t next_ = 0; // round robin over connections_
    int workers_ = 1;      // of the node, from its last hello
    int tries_ = 0;        // connections that found no new slot, in a row
    int failures_ = 0;     // attempts to connect, in a row
    int flaps_ = 0;        // connections that ended at once without a reply, in a row
    int timeouts_ = 0;     // foreign connections closed for a timeout since the last reply
    bool was_connected_ = false;
    bool refused_ = false; // the last attempt to connect failed …
    std::string why_;      // … for this reason
    bool probe_ = false;   // the next connection begins as probing
    bool started_ = false;
    bool is_removed_ = false;
};

} // namespace msd::upstream
