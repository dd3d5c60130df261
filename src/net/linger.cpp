// SPDX-License-Identifier: Apache-2.0
#include "net/linger.hpp"

#include "net/use_tuple.hpp"

#include <asio/buffer.hpp>

#include <array>

namespace msd::net {

namespace {

// One buffer for all connections of the worker: its content is never read.
std::array<char, std::size_t{64} * 1024>& waste() {
    static std::array<char, std::size_t{64} * 1024> buffer;
    return buffer;
}

} // namespace

asio::awaitable<void>
drop_input(asio::ip::tcp::socket* socket, watchdog* dog, linger_bounds bounds) {
    watchdog::guard limit{*dog, [socket] {
                              asio::error_code ignored;
                              socket->cancel(ignored);
                          }};
    const deadline until = deadline::in(bounds.total);
    std::size_t dropped = 0;
    while (dropped < bounds.bytes_max && !until.passed()) {
        limit.set(until.sooner(deadline::in(bounds.idle)));
        const auto [ended] =
            co_await socket->async_wait(asio::ip::tcp::socket::wait_read, use_tuple);
        if (ended) {
            break;
        }
        asio::error_code failure;
        dropped += socket->read_some(asio::buffer(waste()), failure);
        if (failure && failure != asio::error::would_block) {
            break;
        }
    }
}

} // namespace msd::net
