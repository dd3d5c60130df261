// SPDX-License-Identifier: Apache-2.0
#include "node/topology_feed.hpp"

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>

namespace msd::node {

namespace {

// Each takes one to five milliseconds.
constexpr std::size_t bytes_read_max = std::size_t{1} << 20;    // looked through in a turn
constexpr std::size_t bytes_applied_max = std::size_t{1} << 17; // of entries, in a turn
constexpr std::size_t routes_reported_max = 2000;               // in a turn
constexpr std::size_t nodes_of_turn_max = 2000;

std::size_t routes_of(const core::listed_node_ptr& node) {
    return node ? node->routes() : 0;
}

// The first changes of `rest` that fit one turn; at least one when there is any.
std::size_t count_for_turn(std::span<const core::node_change> rest) {
    std::size_t routes = 0;
    std::size_t count = 0;
    while (count < rest.size() && routes < routes_reported_max) {
        const core::node_change& change = rest[count++];
        routes += routes_of(change.before) + routes_of(change.after) + 1;
    }
    return count;
}

} // namespace

asio::awaitable<void> topology_feed::next_turn() {
    spent_ = 0;
    co_await asio::post(executor_, asio::use_awaitable);
}

asio::awaitable<void> topology_feed::spend(std::size_t bytes) {
    spent_ += bytes;
    if (spent_ >= bytes_applied_max) {
        co_await next_turn();
    }
}

asio::awaitable<result<core::topology_packet>> topology_feed::read(std::string_view frame) {
    core::topology_reader reader{frame};
    for (;;) {
        const auto progress = reader.step(bytes_read_max);
        if (progress == core::topology_reader::progress::malformed) {
            co_return reader.failure();
        }
        if (progress == core::topology_reader::progress::complete) {
            co_return reader.take();
        }
        co_await next_turn();
    }
}

asio::awaitable<result<core::topology::outcome>> topology_feed::apply(core::topology_packet packet
) {
    auto done = known_.begin(std::move(packet));
    while (!done) {
        done = known_.step(bytes_applied_max);
        if (!done) {
            co_await next_turn();
        }
    }
    if (known_.size() > nodes_of_turn_max) {
        co_await next_turn(); // comparing the lists was work enough
    }
    co_return *done;
}

asio::awaitable<void> topology_feed::report(upstream::topology_news all, const receiver* receive) {
    std::vector<core::node_change> changes = known_.take_changes();
    std::span<core::node_change> rest{changes};
    while (*receive) {
        const std::size_t count = count_for_turn(rest);
        upstream::topology_news part = all;
        part.changes = rest.first(count);
        part.is_complete = count == rest.size();
        (*receive)(part);
        std::fill_n(rest.begin(), count, core::node_change{}); // frees memory in each turn
        rest = rest.subspan(count);
        if (rest.empty()) {
            break;
        }
        co_await next_turn();
    }
}

} // namespace msd::node
