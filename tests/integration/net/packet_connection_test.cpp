// SPDX-License-Identifier: Apache-2.0
#include "integration/loop.hpp"
#include "net/packet_connection.hpp"

#include <asio/buffer.hpp>
#include <asio/write.hpp>

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace msd::net {
namespace {

struct pair {
    explicit pair(test::loop& on) : door{on.context} {}
    asio::awaitable<void> open(test::loop* on, packet_connection_settings settings) {
        auto outgoing = co_await connect(
            on->context.get_executor(),
            "127.0.0.1",
            door.port(),
            deadline::in(test::loop::patience)
        );
        EXPECT_TRUE(outgoing.has_value());
        auto incoming = co_await door.next();
        far = std::make_unique<asio::ip::tcp::socket>(std::move(incoming));
        near = std::make_unique<packet_connection>(std::move(*outgoing), on->dog, settings);
    }
    test::doorway door;
    std::unique_ptr<asio::ip::tcp::socket> far;
    std::unique_ptr<packet_connection> near;
};

TEST(packet_connection, returns_frames_regardless_of_how_they_are_cut) {
    test::loop loop;
    pair two{loop};
    const auto test = [](test::loop* on, pair* ends) -> asio::awaitable<void> {
        const packet_connection_settings usual;
        co_await ends->open(on, usual);
        const std::string bytes = "{\"a\":1}¶{\"b\":\"¶\"}¶";
        for (const char byte : bytes) {
            co_await asio::async_write(*ends->far, asio::buffer(&byte, 1), asio::use_awaitable);
        }
        std::vector<std::string> frames;
        while (frames.size() < 2) {
            const auto next = ends->near->next();
            if (next.state == wire::frame_reader::status::complete) {
                frames.emplace_back(next.packet);
                continue;
            }
            const auto received = co_await ends->near->receive();
            EXPECT_TRUE(received.has_value());
        }
        EXPECT_EQ(frames[0], "{\"a\":1}");
        EXPECT_EQ(frames[1], "{\"b\":\"¶\"}");
    };
    loop.run(test(&loop, &two));
}

TEST(packet_connection, ends_a_connection_whose_frame_is_not_complete_in_time) {
    test::loop loop;
    pair two{loop};
    const auto test = [](test::loop* on, pair* ends) -> asio::awaitable<void> {
        packet_connection_settings settings;
        settings.frame_timeout = milliseconds{60};
        co_await ends->open(on, settings);
        const std::string half = "{\"a\":";
        co_await asio::async_write(*ends->far, asio::buffer(half), asio::use_awaitable);
        auto received = co_await ends->near->receive();
        EXPECT_TRUE(received.has_value());
        EXPECT_EQ(ends->near->next().state, wire::frame_reader::status::incomplete);
        received = co_await ends->near->receive();
        EXPECT_FALSE(received.has_value());
        EXPECT_EQ(received.error().code, errc::timeout);
    };
    loop.run(test(&loop, &two));
}

TEST(packet_connection, keeps_the_rest_of_a_frame_until_its_owner_reads_again) {
    test::loop loop;
    pair two{loop};
    const auto test = [](test::loop* on, pair* ends) -> asio::awaitable<void> {
        packet_connection_settings settings;
        settings.frame_timeout = test::loop::patience;
        co_await ends->open(on, settings);
        const std::string bytes = "{\"a\":1}¶{\"b\"";
        co_await asio::async_write(*ends->far, asio::buffer(bytes), asio::use_awaitable);
        auto received = co_await ends->near->receive();
        EXPECT_TRUE(received.has_value());
        EXPECT_EQ(ends->near->next().packet, "{\"a\":1}");
        // Longer than a connection may be idle before its memory is freed.
        asio::steady_timer busy{on->context, milliseconds{1200}};
        co_await busy.async_wait(asio::use_awaitable);
        const std::string rest = ":2}¶";
        co_await asio::async_write(*ends->far, asio::buffer(rest), asio::use_awaitable);
        received = co_await ends->near->receive();
        EXPECT_TRUE(received.has_value());
        EXPECT_EQ(ends->near->next().packet, "{\"b\":2}");
    };
    loop.run(test(&loop, &two));
}

TEST(packet_connection, gives_each_frame_its_own_time_limit_even_when_no_read_ends_between_frames) {
    test::loop loop;
    pair two{loop};
    const auto test = [](test::loop* on, pair* ends) -> asio::awaitable<void> {
        const packet_connection_settings usual;
        co_await ends->open(on, usual);
        std::string piece = "{\"a\":";
        time_point before = time_point::min();
        for (int frame = 0; frame < 3; ++frame) {
            co_await asio::async_write(*ends->far, asio::buffer(piece), asio::use_awaitable);
            const auto received = co_await ends->near->receive();
            EXPECT_TRUE(received.has_value());
            if (frame > 0) {
                EXPECT_EQ(ends->near->next().state, wire::frame_reader::status::complete);
            }
            EXPECT_EQ(ends->near->next().state, wire::frame_reader::status::incomplete);
            piece = "1}¶{\"a\":";
            // The time limit of an incomplete frame starts when the connection waits for the rest.
            co_await asio::async_write(*ends->far, asio::buffer("1", 1), asio::use_awaitable);
            const auto more = co_await ends->near->receive();
            EXPECT_TRUE(more.has_value());
            EXPECT_EQ(ends->near->next().state, wire::frame_reader::status::incomplete);
            EXPECT_GT(ends->near->frame_until().at(), before);
            before = ends->near->frame_until().at();
        }
    };
    loop.run(test(&loop, &two));
}

TEST(packet_connection, delivers_bytes_to_a_slow_reader_and_reports_how_many_are_unsent) {
    test::loop loop;
    pair two{loop};
    const auto test = [](test::loop* on, pair* ends) -> asio::awaitable<void> {
        const packet_connection_settings usual;
        co_await ends->open(on, usual);
        const auto large = std::make_shared<const std::string>(8 << 20, 'x');
        ends->near->send(large);
        ends->near->send("tail¶");
        const bool waits = co_await ends->near->flushed(deadline::in(milliseconds{50}));
        EXPECT_FALSE(waits);
        EXPECT_GT(ends->near->unsent_bytes(), 0U);
        const std::string read = co_await test::read_until(ends->far.get(), "tail¶");
        EXPECT_EQ(read.size(), large->size() + std::string{"tail¶"}.size());
        const bool empty = co_await ends->near->flushed(deadline::in(test::loop::patience));
        EXPECT_TRUE(empty);
        EXPECT_EQ(ends->near->unsent_bytes(), 0U);
    };
    loop.run(test(&loop, &two));
}

TEST(packet_connection, drops_its_frame_when_it_occupies_most_of_a_budget_that_is_exceeded) {
    core::input_budget budget{std::size_t{256} * 1024};
    test::loop loop;
    pair greedy{loop};
    pair modest{loop};
    const auto test = [](test::loop* on, pair* large, pair* small, core::input_budget* all
                      ) -> asio::awaitable<void> {
        packet_connection_settings settings;
        settings.memory = all;
        co_await large->open(on, settings);
        co_await small->open(on, settings);
        const std::string half = "{\"a\":";
        co_await asio::async_write(*small->far, asio::buffer(half), asio::use_awaitable);
        auto received = co_await small->near->receive();
        EXPECT_TRUE(received.has_value());
        EXPECT_EQ(small->near->next().state, wire::frame_reader::status::incomplete);
        EXPECT_GT(all->used(), 0U);
        large->near->send("reply¶");
        const std::string much = "{\"a\":\"" + std::string(200'000, 'x');
        co_await asio::async_write(*large->far, asio::buffer(much), asio::use_awaitable);
        do {
            received = co_await large->near->receive();
            if (received) {
                EXPECT_EQ(large->near->next().state, wire::frame_reader::status::incomplete);
            }
        } while (received);
        EXPECT_EQ(received.error().code, errc::refused);
        EXPECT_EQ(large->near->buffer_bytes(), 0U);
        EXPECT_EQ(all->ended(), 1U);
        EXPECT_LE(all->used(), std::size_t{16} * 1024);
        // What was queued is still sent, and the other connection continues.
        const std::string reply = co_await test::read_until(large->far.get(), "¶");
        EXPECT_EQ(reply, "reply¶");
        const std::string rest = "1}¶";
        co_await asio::async_write(*small->far, asio::buffer(rest), asio::use_awaitable);
        received = co_await small->near->receive();
        EXPECT_TRUE(received.has_value());
        EXPECT_EQ(small->near->next().packet, "{\"a\":1}");
        large->near->close();
        small->near->close();
    };
    loop.run(test(&loop, &greedy, &modest, &budget));
}

TEST(packet_connection, continues_when_its_idle_buffer_was_taken_back) {
    core::input_budget budget{std::size_t{24} * 1024};
    test::loop loop;
    pair first{loop};
    pair second{loop};
    const auto test = [](test::loop* on, pair* one, pair* other, core::input_budget* all
                      ) -> asio::awaitable<void> {
        packet_connection_settings settings;
        settings.memory = all;
        co_await one->open(on, settings);
        co_await other->open(on, settings);
        const std::string frame = "{\"a\":1}¶";
        for (int round = 0; round < 4; ++round) {
            for (pair* const each : {one, other}) {
                co_await asio::async_write(*each->far, asio::buffer(frame), asio::use_awaitable);
                const auto received = co_await each->near->receive();
                EXPECT_TRUE(received.has_value());
                EXPECT_EQ(each->near->next().packet, "{\"a\":1}");
                EXPECT_EQ(each->near->next().state, wire::frame_reader::status::incomplete);
            }
        }
        EXPECT_EQ(all->ended(), 0U);
        EXPECT_LE(all->used(), all->bytes_max());
        one->near->close();
        other->near->close();
    };
    loop.run(test(&loop, &first, &second, &budget));
}

TEST(packet_connection, stays_open_when_the_peer_shuts_down_its_sending_side) {
    test::loop loop;
    pair two{loop};
    const auto test = [](test::loop* on, pair* ends) -> asio::awaitable<void> {
        const packet_connection_settings usual;
        co_await ends->open(on, usual);
        ends->far->close();
        const auto received = co_await ends->near->receive();
        EXPECT_FALSE(received.has_value());
        EXPECT_EQ(received.error().code, errc::closed);
        // The peer may have closed one direction only and still wait for replies.
        EXPECT_TRUE(ends->near->is_open());
        ends->near->close();
        EXPECT_FALSE(ends->near->is_open());
    };
    loop.run(test(&loop, &two));
}

TEST(connect, names_the_address_that_refuses) {
    test::loop loop;
    const auto test = [](test::loop* on) -> asio::awaitable<void> {
        std::uint16_t port = 0;
        {
            test::doorway door{on->context};
            port = door.port();
        }
        const auto until = deadline::in(test::loop::patience);
        const auto refused = co_await connect(on->context.get_executor(), "127.0.0.1", port, until);
        EXPECT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, errc::unavailable);
        EXPECT_NE(refused.error().text.find(std::to_string(port)), std::string::npos);
    };
    loop.run(test(&loop));
}

} // namespace
} // namespace msd::net
