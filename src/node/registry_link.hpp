// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/cluster_proof.hpp"
#include "core/node.hpp"
#include "core/topology.hpp"
#include "net/task_group.hpp"
#include "upstream/topology_news.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace msd::node {

struct registry_link_settings {
    std::string distributor_host = "127.0.0.1";
    std::uint16_t distributor_port = 9000;
    core::shared_secrets secrets; // proven before anything else is sent; null: there is none
    // This node's registration; a gateway has no routes. With an empty id.host the distributor uses
    // the peer's address (--advertise sets id.host).
    core::node_info self;
    milliseconds reconnect_interval{3000}; // ± 20 %; the first attempt is made at once
    // The file that saves the topology for workers that start later (node/topology_file.hpp);
    // empty: it is not saved.
    std::filesystem::path kept_in;
    // A shorter list is saved only after the registry has been connected for this long.
    milliseconds settled_after{10'000};
    // A registration that the registry refuses is tried again after `refused_first`, then after
    // pauses that double up to `refused_longest`; ± 20 %.
    milliseconds refused_first{1000};
    milliseconds refused_longest{30'000};
};

// A node's connection to the distributor: registers, follows the topology, answers pings and
// reconnects. Works with msd's distributor and with a foreign one. While the distributor cannot be
// reached, the last topology stays in use. Changes that arrive together are reported together, and
// large ones in parts (node/topology_feed.hpp).
class registry_link {
public:
    /// Called after each change of the topology, and once after the first list even when empty.
    using change_handler = std::function<void(const upstream::topology_news&)>;

    /// `on_lost` is called when a connection with the registry has ended.
    registry_link(
        const asio::any_io_executor& executor,
        registry_link_settings settings,
        change_handler on_change,
        std::function<void()> on_lost = {}
    );
    ~registry_link();

    /// Spawns the connection into `tasks`; it ends when the group is stopped or terminated, or
    /// after deregister_and_close().
    void start(net::task_group& tasks);

    /// Waits for the first topology, at most `limit`; returns when the first attempt to connect
    /// fails. For one caller at a time.
    asio::awaitable<void> first_list(milliseconds limit);

    /// Sends DELETE /distributes, waits at most `limit` for the reply of an msd distributor (a
    /// foreign one sends none), and closes the link permanently.
    asio::awaitable<void> deregister_and_close(milliseconds limit);

    /// The same, but the link stays connected until close(), and does not connect again.
    asio::awaitable<void> deregister(milliseconds limit);
    /// Call after deregister(), when foreign callers have closed their connections to this worker.
    /// They connect to another worker once they receive a list, so this makes the distributor send
    /// a list: an msd distributor sends it on request, a foreign distributor when the link closes,
    /// which happens when `none_left`.
    void report_callers_gone(bool none_left);
    void close();

    [[nodiscard]] const core::topology& known() const;
    [[nodiscard]] bool connected() const;
    /// When the current connection was made; time_point::min() while there is none.
    [[nodiscard]] time_point connected_since() const;

private:
    class state;
    std::shared_ptr<state> state_; // shared with the task, which may outlive this by a turn
};

} // namespace msd::node
