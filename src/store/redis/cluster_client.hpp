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

// The client of a cluster: a link to each master, a map of who has which key. What the nodes say
// when they are asked for keys of others keeps the map right; anything that looks like a change
// makes it be read anew. A lost node costs the calls for its keys only.
class cluster_client final : public client {
public:
    cluster_client(
        const asio::any_io_executor& executor,
        settings chosen,
        std::optional<net::tls_trust> trust
    );

    asio::awaitable<result<reply>> execute(command what, deadline until) override;
    /// Some node is.
    [[nodiscard]] bool usable() const override;
    asio::awaitable<bool> became_usable(deadline until) override;
    [[nodiscard]] std::string trouble() const override;
    /// To any node: a cluster passes messages on to all of them.
    void subscribe(subscription to) override;
    [[nodiscard]] figures counted() const override;
    asio::awaitable<void> stop() override;

private:
    // What a command has been through.
    struct attempt {
        std::optional<std::uint16_t> slot; // nothing: any node will do
        std::optional<address> asking;     // the node that is to be asked this once
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
    [[nodiscard]] std::vector<address> who_might_know() const;
    [[nodiscard]] result<void> adopt(const reply& slots, const address& asked);
    void doubt_map();
    void wake();

    settings chosen_;
    std::optional<net::tls_trust> trust_;
    net::task_group tasks_;
    surroundings around_;
    outage_log outages_;
    slot_map map_;
    std::map<address, std::shared_ptr<link>> nodes_;
    std::list<subscriber> subscribers_;
    std::list<asio::steady_timer*> awaiting_use_;
    asio::steady_timer relearn_;
    error why_unknown_{errc::unavailable, "not connected yet"}; // no map yet
    figures retired_;                                           // of links that are gone
    std::size_t next_node_ = 0;
    bool known_ = false; // a map was read
    bool doubted_ = false;
};

} // namespace msd::store::redis
