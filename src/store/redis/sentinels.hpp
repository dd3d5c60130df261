// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/redis/greeting.hpp"
#include "store/redis/subscriber.hpp"

#include <asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace msd::store::redis {

// The sentinels, which know the address of the master. They are asked one after the other before
// every connection. A subscription to one of them reports a failover before connections break.
class sentinels {
public:
    static constexpr std::size_t known_max = 64;

    /// `on_switch` is called when another server has become the master.
    sentinels(const surroundings& around, std::function<void()> on_switch);

    /// Subscribes to failovers.
    void start() { watch_.start(); }

    /// The present master, from the first sentinel that answers. errc::unavailable: none answers,
    /// or none knows a master of that name.
    asio::awaitable<result<address>> master(deadline until);

private:
    asio::awaitable<result<address>> ask(address sentinel, deadline until);
    void learn(const reply& others);
    void handle_message(std::string_view message);
    [[nodiscard]] link::purpose listening();
    [[nodiscard]] subscription switches();

    const surroundings& around_;
    std::function<void()> on_switch_;
    std::vector<address> known_; // the sentinel that answered last comes first
    std::size_t listened_to_ = 0;
    subscriber watch_;
};

} // namespace msd::store::redis
