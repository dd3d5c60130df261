// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "net/connect.hpp"
#include "net/task_group.hpp"
#include "net/use_tuple.hpp"
#include "net/watchdog.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <utility>

namespace msd::test {

// An event loop as a worker has it, for tests: runs one coroutine to its end and fails the test
// when that takes longer than anybody would wait.
class loop {
public:
    static constexpr milliseconds patience{60'000};

    loop()
        : tasks{context.get_executor(), [](const std::exception_ptr&) {}},
          dog{context.get_executor()} {
        tasks.spawn(dog.run());
    }

    ~loop() { end(); }

    /// Ends all tasks, while what they work on is still there.
    void end() {
        tasks.terminate();
        context.restart();
        context.run_for(patience);
    }

    void run(asio::awaitable<void> test) {
        bool ended = false;
        asio::co_spawn(context, std::move(test), [&ended, this](const std::exception_ptr& broken) {
            ended = true;
            context.stop();
            if (broken) {
                std::rethrow_exception(broken);
            }
        });
        context.restart();
        context.run_for(patience);
        EXPECT_TRUE(ended) << "the test did not end in time";
    }

    /// Looks every few milliseconds whether `holds`, the first time after a turn of the loop; false
    /// when it never did.
    asio::awaitable<bool> until(std::function<bool()> holds) {
        const auto last = deadline::in(patience / 2);
        do {
            asio::steady_timer pause{context, milliseconds{2}};
            co_await pause.async_wait(asio::use_awaitable);
        } while (!holds() && !last.passed());
        co_return holds();
    }

    asio::io_context context{1};
    net::task_group tasks;
    net::watchdog dog;
};

// A listening socket on a free port of the loopback.
class doorway {
public:
    explicit doorway(asio::io_context& context)
        : acceptor_{context, {asio::ip::address_v4::loopback(), 0}} {}

    [[nodiscard]] std::uint16_t port() { return acceptor_.local_endpoint().port(); }

    asio::awaitable<asio::ip::tcp::socket> next() {
        auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
        socket.non_blocking(true);
        co_return socket;
    }

    void shut() { acceptor_.close(); }

private:
    asio::ip::tcp::acceptor acceptor_;
};

/// Reads until `text` ends with `end`, or the peer closes.
inline asio::awaitable<std::string> read_until(asio::ip::tcp::socket* from, std::string end) {
    std::string text;
    std::string piece(std::size_t{64} * 1024, '\0');
    while (!text.ends_with(end)) {
        const auto room = asio::buffer(piece);
        const auto [failure, bytes] = co_await from->async_read_some(room, net::use_tuple);
        if (failure) {
            break;
        }
        text.append(piece, 0, bytes);
    }
    co_return text;
}

} // namespace msd::test
