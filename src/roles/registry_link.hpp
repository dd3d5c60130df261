// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/node.hpp"
#include "core/topology.hpp"
#include "net/task_group.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace msd::roles {

struct registry_link_settings {
    std::string distributor_host = "127.0.0.1";
    std::uint16_t distributor_port = 9000;
    // What this node says of itself; routes empty for a gateway. id.host empty: the distributor
    // takes the peer's address (--advertise sets it).
    core::node_info self;
    milliseconds reconnect_interval{3000}; // ± 20 %, after one attempt at once
    // Where the topology is kept for workers that start later (roles/topology_file.hpp); empty:
    // nowhere.
    std::filesystem::path kept_in;
    // A registry that has begun anew is kept there once the connection is that old.
    milliseconds believed_after{10'000};
};

// A node's connection to the distributor: registers, keeps the topology, answers pings, connects
// again for as long as it lives. Works with msd's distributor and with a foreign one. While the
// distributor is away the topology stays as it was.
class registry_link {
public:
    /// Called after each change of the topology, and once after the first list even when empty.
    using change_handler = std::function<void(const core::topology&)>;

    /// `on_lost` is called when a connection with the registry has ended.
    registry_link(
        const asio::any_io_executor& executor,
        registry_link_settings settings,
        change_handler on_change,
        std::function<void()> on_lost = {}
    );
    ~registry_link();

    /// Spawns the connection into `tasks`; it ends when the group is stopped or terminated, or
    /// after leave().
    void start(net::task_group& tasks);

    /// Waits for the first topology, at most `limit`; not any longer once the distributor cannot be
    /// reached. One waits at a time.
    asio::awaitable<void> first_list(milliseconds limit);

    /// Says DELETE /distributes and waits for the acknowledgement of an msd distributor (none is
    /// expected from a foreign one), at most `limit`; then closes the link for good.
    asio::awaitable<void> leave(milliseconds limit);

    /// The same, but the link stays connected until close(), and does not connect again.
    asio::awaitable<void> say_goodbye(milliseconds limit);
    /// After say_goodbye(): foreign callers of this worker have closed their connections to it, and
    /// connect to another worker once they receive a list. Makes the distributor send one: msd's on
    /// request; a foreign one does so when the link closes, which happens when `none_left`.
    void callers_left(bool none_left);
    void close();

    [[nodiscard]] const core::topology& known() const;
    [[nodiscard]] bool connected() const;
    /// When the present connection was made; time_point::min() while there is none.
    [[nodiscard]] time_point connected_since() const;

private:
    class state;
    std::shared_ptr<state> state_; // shared with the task, which may outlive this by a turn
};

} // namespace msd::roles
