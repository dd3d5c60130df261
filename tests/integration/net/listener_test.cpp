// SPDX-License-Identifier: Apache-2.0
#include "integration/loop.hpp"
#include "net/listener.hpp"

#include <sys/socket.h>

#include <gtest/gtest.h>
#include <optional>
#include <vector>

namespace msd::net {
namespace {

int listening_socket(std::uint16_t& port) {
    asio::io_context context;
    asio::ip::tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), 0}};
    port = acceptor.local_endpoint().port();
    return dup(acceptor.native_handle());
}

asio::awaitable<void>
knock(test::loop* on, std::uint16_t port, std::vector<asio::ip::tcp::socket>* out) {
    auto socket = co_await connect(
        on->context.get_executor(),
        "127.0.0.1",
        port,
        deadline::in(test::loop::patience)
    );
    EXPECT_TRUE(socket.has_value());
    out->push_back(std::move(*socket));
}

TEST(listener, accepts_no_more_connections_than_its_credits_until_they_are_returned) {
    test::loop loop;
    std::uint16_t bound = 0;
    const int socket = listening_socket(bound);
    std::vector<accept_credit> credits;
    std::vector<unique_fd> fds;
    const listener one{loop.context.get_executor(), {socket}, [&](int fd, accept_credit credit) {
                           fds.emplace_back(fd);
                           credits.push_back(std::move(credit));
                       }};
    const auto test = [](test::loop* on,
                         std::uint16_t port,
                         std::vector<accept_credit>* held,
                         std::vector<unique_fd>* taken) -> asio::awaitable<void> {
        std::vector<asio::ip::tcp::socket> clients;
        for (int i = 0; i < 5; ++i) {
            co_await knock(on, port, &clients);
        }
        std::function<bool()> two = [taken] {
            return taken->size() >= listener::credits;
        };
        co_await on->until(std::move(two));
        EXPECT_EQ(taken->size(), static_cast<std::size_t>(listener::credits));
        held->clear();
        std::function<bool()> four = [taken] {
            return taken->size() >= std::size_t{2} * listener::credits;
        };
        const bool more = co_await on->until(std::move(four));
        EXPECT_TRUE(more);
        EXPECT_EQ(taken->size(), std::size_t{2} * listener::credits);
        held->clear();
        std::function<bool()> all = [taken] {
            return taken->size() == 5;
        };
        const bool every = co_await on->until(std::move(all));
        EXPECT_TRUE(every);
    };
    loop.run(test(&loop, bound, &credits, &fds));
    credits.clear();
}

TEST(listener, leaves_the_connections_of_a_stopped_worker_to_its_sibling) {
    test::loop loop;
    std::uint16_t bound = 0;
    const int socket = listening_socket(bound);
    int left = 0;
    int served = 0;
    const auto count_into = [](int& count) {
        return [&count](int fd, accept_credit) {
            const unique_fd taken{fd};
            ++count;
        };
    };
    listener leaving{loop.context.get_executor(), {dup(socket)}, count_into(left)};
    const listener staying{loop.context.get_executor(), {socket}, count_into(served)};
    leaving.stop();
    const auto test = [](test::loop* on, std::uint16_t port, int* second) -> asio::awaitable<void> {
        std::vector<asio::ip::tcp::socket> clients;
        for (int i = 0; i < 20; ++i) {
            co_await knock(on, port, &clients);
        }
        std::function<bool()> all = [second] {
            return *second == 20;
        };
        const bool every = co_await on->until(std::move(all));
        EXPECT_TRUE(every);
    };
    loop.run(test(&loop, bound, &served));
    EXPECT_EQ(left, 0);
    EXPECT_EQ(served, 20);
}

TEST(listener, accepts_the_connections_in_the_queue_before_it_closes_the_socket) {
    test::loop loop;
    std::uint16_t bound = 0;
    const int socket = listening_socket(bound);
    std::vector<accept_credit> credits;
    std::vector<unique_fd> fds;
    listener one{loop.context.get_executor(), {socket}, [&](int fd, accept_credit credit) {
                     fds.emplace_back(fd);
                     credits.push_back(std::move(credit));
                 }};
    const auto test =
        [](test::loop* on, std::uint16_t port, listener* stopped, std::vector<unique_fd>* taken
        ) -> asio::awaitable<void> {
        std::vector<asio::ip::tcp::socket> clients;
        for (int i = 0; i < 10; ++i) {
            co_await knock(on, port, &clients);
        }
        stopped->stop_with_queue();
        std::function<bool()> all = [taken] {
            return taken->size() == 10;
        };
        const bool every = co_await on->until(std::move(all));
        EXPECT_TRUE(every);
        EXPECT_EQ(send(taken->back().get(), "x", 1, MSG_NOSIGNAL), 1);
    };
    loop.run(test(&loop, bound, &one, &fds));
    credits.clear();
}

TEST(listener, counts_connections_as_open_for_as_long_as_their_marks_exist) {
    test::loop loop;
    std::uint16_t bound = 0;
    const int socket = listening_socket(bound);
    const auto board = core::scoreboard::create();
    ASSERT_TRUE(board);
    core::accept_share share{*board, 0, "gateway"};
    std::vector<open_mark> marks;
    std::vector<unique_fd> fds;
    listener one{
        loop.context.get_executor(),
        {socket},
        [&](int fd, accept_credit credit) {
            fds.emplace_back(fd);
            marks.push_back(credit.take_mark());
        },
        &share};
    const auto test = [](test::loop* on, std::uint16_t port, std::vector<unique_fd>* taken
                      ) -> asio::awaitable<void> {
        std::vector<asio::ip::tcp::socket> clients;
        for (int i = 0; i < 5; ++i) {
            co_await knock(on, port, &clients);
        }
        std::function<bool()> all = [taken] {
            return taken->size() == 5;
        };
        const bool every = co_await on->until(std::move(all));
        EXPECT_TRUE(every);
    };
    loop.run(test(&loop, bound, &fds));
    EXPECT_NE(board->line(0).accepts_for, 0U);
    EXPECT_EQ(board->line(0).accepted, 5U);
    EXPECT_EQ(board->line(0).held, 5U);
    marks.pop_back();
    EXPECT_EQ(board->line(0).held, 4U);
    marks.clear();
    EXPECT_EQ(board->line(0).held, 0U);
    one.stop();
    EXPECT_EQ(board->line(0).accepts_for, 0U);
}

TEST(listener, leaves_connections_to_a_sibling_with_fewer_and_accepts_those_the_sibling_leaves) {
    test::loop loop;
    std::uint16_t bound = 0;
    const int socket = listening_socket(bound);
    const auto board = core::scoreboard::create();
    ASSERT_TRUE(board);
    // The line of a process that does not run: it appears to accept, and never does.
    core::accept_share hung{*board, 1, "gateway"};
    hung.begin();
    core::accept_share share{*board, 0, "gateway"};
    std::vector<open_mark> marks;
    const listener one{
        loop.context.get_executor(),
        {socket},
        [&](int fd, accept_credit credit) {
            const unique_fd taken{fd};
            marks.push_back(credit.take_mark());
        },
        &share};
    const auto test = [](test::loop* on, std::uint16_t port, std::vector<open_mark>* taken
                      ) -> asio::awaitable<void> {
        std::vector<asio::ip::tcp::socket> clients;
        for (int i = 0; i < 200; ++i) {
            co_await knock(on, port, &clients);
        }
        std::function<bool()> all = [taken] {
            return taken->size() == 200;
        };
        const bool every = co_await on->until(std::move(all));
        EXPECT_TRUE(every);
    };
    loop.run(test(&loop, bound, &marks));
    EXPECT_EQ(board->line(0).held, 200U);
    marks.clear();
}

} // namespace
} // namespace msd::net
