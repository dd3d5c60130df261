// SPDX-License-Identifier: Apache-2.0
#include "http/client_pool.hpp"
#include "integration/http/scripted_program.hpp"
#include "integration/loop.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace msd::http {
namespace {

using test::scripted_program;

const std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

// Connections to a program that answers each request with the same bytes.
struct pool_test : testing::Test {
    explicit pool_test(const std::string& each = reply)
        : program{
              on,
              std::vector<scripted_program::script>(4, scripted_program::answering({each}))} {}
    ~pool_test() override { on.end(); }

    /// A connection that has served a request.
    std::unique_ptr<client_connection> served() {
        std::unique_ptr<client_connection> out;
        on.run(serve(&out));
        return out;
    }

    asio::awaitable<void> serve(std::unique_ptr<client_connection>* out) {
        const auto limit = deadline::in(test::loop::patience);
        auto socket =
            co_await net::connect(on.context.get_executor(), "127.0.0.1", program.port(), limit);
        EXPECT_TRUE(socket.has_value());
        *out = std::make_unique<client_connection>(std::move(*socket), on.dog);
        client_connection& made = **out;
        made.begin_request(false, false);
        made.compose([](std::string& text) { text += "GET / HTTP/1.1\r\nHost: a\r\n\r\n"; });
        made.request_sent();
        auto what = made.next();
        while (what != client_connection::event::complete) {
            EXPECT_NE(what, client_connection::event::failed);
            if (what == client_connection::event::more) {
                const auto arrived = co_await made.receive(limit);
                EXPECT_TRUE(arrived.has_value());
            }
            what = made.next();
        }
    }

    void wait(std::function<bool()> holds) { on.run(waited(std::move(holds))); }
    asio::awaitable<void> waited(std::function<bool()> holds) {
        const bool held = co_await on.until(std::move(holds));
        EXPECT_TRUE(held);
    }

    test::loop on;
    scripted_program program;
};

using client_pool_test = pool_test;

TEST_F(client_pool_test, gives_the_connection_that_was_used_last) {
    client_pool pool{client_pool::limits{}};
    auto older = served();
    auto newer = served();
    const client_connection* const last = newer.get();
    pool.put(std::move(older));
    pool.put(std::move(newer));
    EXPECT_EQ(pool.take().get(), last);
    EXPECT_NE(pool.take(), nullptr);
    EXPECT_EQ(pool.take(), nullptr);
}

TEST_F(client_pool_test, closes_the_oldest_connection_when_there_are_too_many) {
    client_pool::limits limits;
    limits.connections_max = 1;
    client_pool pool{limits};
    pool.put(served());
    auto newer = served();
    const client_connection* const kept = newer.get();
    pool.put(std::move(newer));
    wait([this] { return program.ended == 1; });
    EXPECT_EQ(pool.take().get(), kept);
}

TEST_F(client_pool_test, closes_a_connection_that_is_idle_for_too_long) {
    client_pool::limits limits;
    limits.idle_timeout = milliseconds{60};
    client_pool pool{limits};
    pool.put(served());
    EXPECT_EQ(pool.idle(), 1U);
    wait([this] { return program.ended == 1; });
    EXPECT_EQ(pool.idle(), 0U);
}

TEST_F(client_pool_test, keeps_no_connection_with_an_open_request) {
    client_pool pool{client_pool::limits{}};
    auto busy = served();
    busy->begin_request(false, false);
    pool.put(std::move(busy));
    EXPECT_EQ(pool.idle(), 0U);
}

TEST_F(client_pool_test, keeps_nothing_after_it_was_closed) {
    client_pool pool{client_pool::limits{}};
    pool.put(served());
    auto other = served();
    pool.close();
    pool.put(std::move(other));
    EXPECT_EQ(pool.idle(), 0U);
    wait([this] { return program.ended == 2; });
}

struct announcing : pool_test {
    announcing()
        : pool_test{
              "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=5\r\nContent-Length: 0\r\n\r\n"} {}
};

using client_pool_of_impatient_program = announcing;

TEST_F(client_pool_of_impatient_program, gives_a_connection_up_before_the_program_does) {
    client_pool pool{client_pool::limits{}};
    auto connection = served();
    EXPECT_EQ(connection->announced_idle(), milliseconds{1000});
    pool.put(std::move(connection)); // its last second has begun
    EXPECT_EQ(pool.idle(), 0U);
}

} // namespace
} // namespace msd::http
