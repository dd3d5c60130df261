// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "core/topology.hpp"
#include "upstream/topology_news.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::node {

// Reads and applies the packets of a registry, and reports the changes, in turns of the event loop:
// a registry can send a list of 16 MiB, and the loop must not stand still meanwhile. Packets are
// handled one after the other: the caller awaits each operation before it begins the next one.
class topology_feed {
public:
    explicit topology_feed(asio::any_io_executor executor) : executor_{std::move(executor)} {}

    /// The frame must be valid until what was read is applied.
    asio::awaitable<result<core::topology_packet>> read(std::string_view frame);
    asio::awaitable<result<core::topology::outcome>> apply(core::topology_packet packet);
    /// Reports what has changed since the last report, at least once. `receive` is called once a
    /// turn; it may be reset meanwhile: then the rest is dropped.
    using receiver = std::function<void(const upstream::topology_news&)>;
    asio::awaitable<void> report(upstream::topology_news all, const receiver* receive);

    /// Counts work that was done in this turn, and begins a new turn when it is enough.
    asio::awaitable<void> spend(std::size_t bytes);
    /// Other work of the loop goes on before the caller does.
    asio::awaitable<void> next_turn();

    [[nodiscard]] const core::topology& known() const { return known_; }
    void clear() { known_ = {}; }

private:
    asio::any_io_executor executor_;
    core::topology known_;
    std::size_t spent_ = 0; // bytes handled in this turn
};

} // namespace msd::node
