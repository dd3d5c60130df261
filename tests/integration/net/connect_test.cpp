// SPDX-License-Identifier: Apache-2.0
#include "integration/loop.hpp"
#include "net/connect.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace msd::net {
namespace {

using asio::ip::tcp;

// Listens and never accepts.
class silent_server {
public:
    silent_server(asio::io_context& loop, const char* address, std::uint16_t port)
        : acceptor_{loop, tcp::endpoint{asio::ip::make_address(address), port}} {}

    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

    // Opens connections until the kernel answers no further connection to this socket.
    void fill() {
        ::listen(acceptor_.native_handle(), 0);
        const auto where = acceptor_.local_endpoint();
        constexpr int more_than_fit = 4;
        for (int i = 0; i < more_than_fit; ++i) {
            tcp::socket& one = waiting_.emplace_back(acceptor_.get_executor());
            one.open(tcp::v4());
            one.non_blocking(true);
            ::connect(one.native_handle(), where.data(), static_cast<socklen_t>(where.size()));
        }
    }

private:
    tcp::acceptor acceptor_;
    std::vector<tcp::socket> waiting_;
};

// The result of connecting to any of these addresses: the address, or the reason of the failure.
std::string outcome(test::loop& loop, std::vector<tcp::endpoint> endpoints, milliseconds within) {
    std::string made;
    const auto test =
        [](test::loop* on, std::vector<tcp::endpoint> where, milliseconds patience, std::string* out
        ) -> asio::awaitable<void> {
        std::string target = "somewhere";
        const auto socket = co_await connect_to_any(
            on->context.get_executor(),
            std::move(where),
            std::move(target),
            deadline::in(patience)
        );
        *out = socket ? address_of(*socket).text() : socket.error().text;
    };
    loop.run(test(&loop, std::move(endpoints), within, &made));
    return made;
}

TEST(connect, tries_the_next_address_when_one_refuses) {
    test::loop loop;
    const silent_server there{loop.context, "127.0.0.1", 0};
    const tcp::endpoint refusing{asio::ip::make_address("127.0.0.2"), there.port()};
    const tcp::endpoint listening{asio::ip::make_address("127.0.0.1"), there.port()};
    EXPECT_EQ(
        outcome(loop, {refusing, listening}, test::loop::patience),
        "127.0.0.1:" + std::to_string(there.port())
    );
}

TEST(connect, leaves_time_for_the_other_addresses_when_one_does_not_answer) {
    test::loop loop;
    const silent_server there{loop.context, "127.0.0.1", 0};
    silent_server full{loop.context, "127.0.0.2", there.port()};
    full.fill();
    const tcp::endpoint silent{asio::ip::make_address("127.0.0.2"), there.port()};
    const tcp::endpoint listening{asio::ip::make_address("127.0.0.1"), there.port()};
    EXPECT_EQ(
        outcome(loop, {silent, listening}, milliseconds{4000}),
        "127.0.0.1:" + std::to_string(there.port())
    );
    EXPECT_EQ(
        outcome(loop, {silent, silent}, milliseconds{100}),
        "connecting to somewhere took too long"
    );
}

TEST(connect, reports_the_reason_when_no_address_answers) {
    test::loop loop;
    const tcp::socket bound{loop.context, tcp::endpoint{asio::ip::make_address("127.0.0.1"), 0}};
    const tcp::endpoint refusing = bound.local_endpoint(); // it does not listen
    EXPECT_EQ(
        outcome(loop, {refusing}, test::loop::patience),
        "cannot connect to somewhere: Connection refused"
    );
    EXPECT_EQ(outcome(loop, {}, test::loop::patience), "cannot connect to somewhere: no address");
}

} // namespace
} // namespace msd::net
