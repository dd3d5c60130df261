// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/task_group.hpp"
#include "store/outage_log.hpp"
#include "store/redis/client.hpp"
#include "store/redis/link.hpp"
#include "store/redis/slot_map.hpp"
#include "store/redis/subscriber.hpp"

#include <asio/steady_timer.hpp>

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace msd::store::redis {

// The client of a cluster: a link to each master and a map from slots to masters. Redirections from
// the nodes update the map; any sign of a change makes the client read it again. When a node is
// unreachable, only calls for its keys fail.
class cluster_client final : public client {
public:
    cluster_client(
        const asio::any_io_executor& executor,
        client_settings chosen,
        std::optional<net::tls_trust> trust
    );

    asio::awaitable<result<reply>> execute(command what, deadline until) override;
    /// At least one node is usable.
    [[nodiscard]] bool usable() const override;
    asio::awaitable<bool> became_usable(deadline until) override;
    [[nodiscard]] std::string trouble() const override;
    /// Subscribes at any node: a cluster forwards messages to all nodes.
    void subscribe(subscription to) override;
    [[nodiscard]] figures counted() const override;
    asio::awaitable<void> stop() override;

private:
    // The state of one command across its attempts.
    struct attempt {
        std::optional<std::uint16_t> slot; // nullopt: any node can execute it
        std::optional<address> asking;     // the node to send it to once, after ASKING
        milliseconds pause;
        int tries = 0;
    };

    [[nodiscard]] std::shared_ptr<link> target_of(const attempt& now);
    [[nodiscard]] std::shared_ptr<link> any_node();
    [[nodiscard]] std::shared_ptr<link> node_at(const address& where);
    void follow(const redirection& where, attempt& now);

    asio::awaitable<void> keep_map();
    asio::awaitable<result<void>> learn();
    asio::awaitable<result<void>> learn_from(address node, deadline until);
    asio::awaitable<result<reply>> ask_slots(address node, deadline until);
    [[nodiscard]] std::vector<address> candidate_nodes() const;
    [[nodiscard]] result<void> adopt(const reply& slots, const address& asked);
    void doubt_map();
    void wake();

    client_settings chosen_;
    std::optional<net::tls_trust> trust_;
    net::task_group tasks_;
    surroundings around_;
    outage_log outages_;
    slot_map map_;
    std::map<address, std::shared_ptr<link>> nodes_;
    std::list<subscriber> subscribers_;
    std::list<asio::steady_timer*> awaiting_use_;
    asio::steady_timer relearn_;
    error why_unknown_{errc::unavailable, "not connected yet"}; // while there is no map
    figures removed_links_;                                     // of links that were removed
    std::size_t next_node_ = 0;
    bool known_ = false; // the map was read at least once
    bool doubted_ = false;
};

} // namespace msd::store::redis
