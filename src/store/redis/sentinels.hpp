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

// Those who know which server is the master. They are asked before every connection, one after the
// other, and one is listened to, so that a failover is noticed before anything else breaks.
class sentinels {
public:
    static constexpr std::size_t known_max = 64;

    /// `on_switch` is called when another server has become the master.
    sentinels(const surroundings& around, std::function<void()> on_switch);

    /// Begins to listen.
    void start() { watch_.start(); }

    /// Who is the master now, says the first that answers. errc::unavailable: none does, or none
    /// knows a master of that name.
    asio::awaitable<result<address>> master(deadline until);

private:
    asio::awaitable<result<address>> ask(address sentinel, deadline until);
    void learn(const reply& others);
    void heard(std::string_view message);
    [[nodiscard]] link::purpose listening();
    [[nodiscard]] subscription switches();

    const surroundings& around_;
    std::function<void()> on_switch_;
    std::vector<address> known_; // the one that answered last comes first
    std::size_t listened_to_ = 0;
    subscriber watch_;
};

} // namespace msd::store::redis
