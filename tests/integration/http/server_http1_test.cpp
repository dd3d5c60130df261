// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: one stream, with all the ways in which a request and its reply can end.
#include "http/server_http1.hpp"
#include "integration/loop.hpp"

#include <asio/buffer.hpp>
#include <asio/write.hpp>

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace msd::http {
namespace {

using handling = std::function<asio::awaitable<void>(server_stream*)>;

class handler_of final : public stream_handler {
public:
    explicit handler_of(handling how) : how_{std::move(how)} {}

    asio::awaitable<void> serve(server_stream* stream) override {
        ++served;
        return how_(stream);
    }
    void refuse_malformed(server_stream& stream, int status, std::string_view text) override {
        reply_head head;
        head.status = status;
        head.content_length = text.size();
        stream.send_head(head);
        stream.send(text);
        stream.finish();
    }
    [[nodiscard]] bool is_draining() const override { return draining; }
    void note_reply(std::size_t) override { ++replies; }

    int served = 0;
    int replies = 0;
    bool draining = false;

private:
    handling how_;
};

// A connection that is served, and the socket of its client.
struct world {
    explicit world(handling how) : handler{std::move(how)} {
        settings.memory = &memory;
        settings.body_timeout = test::loop::patience;
    }

    asio::awaitable<void> open() {
        auto outgoing = co_await net::connect(
            loop.context.get_executor(),
            "127.0.0.1",
            door.port(),
            deadline::in(test::loop::patience)
        );
        EXPECT_TRUE(outgoing.has_value());
        client = std::make_unique<asio::ip::tcp::socket>(std::move(*outgoing));
        auto accepted = co_await door.next();
        connection = std::make_unique<server_connection>(std::move(accepted), loop.dog, settings);
        loop.tasks.spawn(serve_http1(connection.get(), &handler));
    }

    asio::awaitable<void> send(std::string bytes) {
        co_await asio::async_write(*client, asio::buffer(bytes), asio::use_awaitable);
    }

    /// All that the client receives for `bytes` until the connection ends.
    asio::awaitable<std::string> all_for(std::string bytes) {
        co_await open();
        co_await send(std::move(bytes));
        std::string received;
        std::string piece(std::size_t{64} * 1024, '\0');
        for (;;) {
            const auto room = asio::buffer(piece);
            const auto [failure, got] = co_await client->async_read_some(room, net::use_tuple);
            received.append(piece, 0, got);
            if (failure) {
                ended = failure;
                break;
            }
        }
        co_return received;
    }

    std::string run(std::string bytes) {
        std::string received;
        const auto test = [](world* w, std::string sent, std::string* out
                          ) -> asio::awaitable<void> {
            *out = co_await w->all_for(std::move(sent));
        };
        loop.run(test(this, std::move(bytes), &received));
        loop.end();
        return received;
    }

    test::loop loop;
    test::doorway door{loop.context};
    core::input_budget memory;
    server_connection_settings settings;
    handler_of handler;
    std::unique_ptr<server_connection> connection;
    std::unique_ptr<asio::ip::tcp::socket> client;
    asio::error_code ended;
};

std::string without_date(std::string text) {
    for (std::size_t at = text.find("Date: "); at != text.npos; at = text.find("Date: ")) {
        text.erase(at, text.find("\r\n", at) + 2 - at);
    }
    return text;
}

void reply(server_stream& stream, std::string_view body, std::optional<std::uint64_t> length) {
    reply_head head;
    head.content_type = "text/plain";
    head.content_length = length;
    stream.send_head(head);
    stream.send(body);
    stream.finish();
}

asio::awaitable<void> echo(server_stream* stream) {
    std::string body;
    for (;;) {
        const auto piece = co_await stream->read_piece();
        if (!piece || piece->empty()) {
            break;
        }
        body += *piece;
    }
    wire::http_fields trailers;
    trailers.add("X-Sum", "7");
    reply_head head;
    stream->send_head(head);
    stream->send(body);
    stream->finish(&trailers);
}

constexpr const char* close_request = "GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

TEST(http1_stream, answers_pipelined_requests_in_order_and_closes_when_asked) {
    world w{[](server_stream* stream) -> asio::awaitable<void> {
        reply(*stream, stream->request().path, stream->request().path.size());
        co_return;
    }};
    const auto got = w.run(std::string{"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"} + close_request);
    EXPECT_EQ(
        without_date(got),
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n/a"
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n"
        "\r\n/b"
    );
    EXPECT_EQ(w.handler.replies, 2);
}

// The drain begins behind the head of the reply.
asio::awaitable<void> reply_and_drain(server_stream* stream, bool* draining) {
    reply_head head;
    head.content_length = 1;
    stream->send_head(head);
    *draining = true;
    stream->send("x");
    stream->finish();
    co_return;
}

TEST(http1_stream, closes_while_draining_behind_a_reply_that_has_announced_it) {
    bool* draining = nullptr;
    world w{[&draining](server_stream* stream) {
        return reply_and_drain(stream, draining);
    }};
    draining = &w.handler.draining;
    const std::string request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    EXPECT_EQ(
        without_date(w.run(request + request + request)),
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"
    );
    EXPECT_EQ(w.handler.served, 2);
}

TEST(http1_stream, sends_a_body_of_unknown_length_in_chunks_with_trailers_where_they_are_accepted) {
    world w{echo};
    const auto got = w.run("POST / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: close, TE\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    EXPECT_EQ(
        without_date(got),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        "5\r\nabcde\r\n0\r\nX-Sum: 7\r\n\r\n"
    );
    world plain{echo};
    EXPECT_TRUE(plain
                    .run("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n"
                         "\r\nab")
                    .ends_with("\r\n\r\n2\r\nab\r\n0\r\n\r\n"));
}

TEST(http1_stream, ends_a_body_of_unknown_length_with_the_connection_for_http_1_0) {
    world w{echo};
    const auto got =
        w.run("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab");
    EXPECT_EQ(without_date(got), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab");
    EXPECT_EQ(w.ended, asio::error::eof);
}

TEST(http1_stream, leaves_out_the_body_of_a_reply_that_has_none) {
    world w{[](server_stream* stream) -> asio::awaitable<void> {
        reply(*stream, "12345", 5);
        co_return;
    }};
    const auto got = w.run("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(got.ends_with("Content-Length: 5\r\nConnection: close\r\n\r\n")) << got;
}

TEST(http1_stream, cuts_a_reply_that_is_reset_or_shorter_than_its_length) {
    for (const bool resets : {true, false}) {
        world w{[resets](server_stream* stream) -> asio::awaitable<void> {
            reply_head head;
            if (!resets) {
                head.content_length = 10;
            }
            stream->send_head(head);
            stream->send("abc");
            if (resets) {
                stream->reset();
                EXPECT_FALSE(stream->is_open());
            } else {
                stream->finish();
            }
            return [](server_stream*) -> asio::awaitable<void> {
                co_return;
            }(stream);
        }};
        const auto got =
            w.run("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_TRUE(got.ends_with(resets ? "3\r\nabc\r\n" : "Content-Length: 10\r\n\r\nabc"))
            << got;
        EXPECT_EQ(w.handler.served, 1);
    }
}

TEST(http1_stream, resets_the_connection_when_its_end_would_look_like_the_end_of_the_body) {
    world w{[](server_stream* stream) -> asio::awaitable<void> {
        stream->send_head({});
        stream->send("abc");
        stream->reset();
        co_return;
    }};
    const auto got = w.run("GET / HTTP/1.0\r\n\r\n");
    EXPECT_NE(w.ended, asio::error::eof) << got;
}

TEST(http1_stream, sends_nothing_when_a_handler_ends_without_a_reply) {
    world w{[](server_stream*) -> asio::awaitable<void> {
        co_return;
    }};
    EXPECT_EQ(w.run("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "");
}

TEST(http1_stream, sends_interim_replies_to_clients_of_http_1_1_only) {
    const auto how = [](server_stream* stream) -> asio::awaitable<void> {
        wire::http_fields fields;
        fields.add("Link", "</a.css>; rel=preload");
        stream->send_interim(103, &fields);
        reply(*stream, {}, 0);
        co_return;
    };
    world w{how};
    const auto got = w.run(close_request);
    EXPECT_TRUE(got.starts_with("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
                                "HTTP/1.1 200 OK\r\n")
    ) << got;
    world old{how};
    EXPECT_TRUE(old.run("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST(http1_stream, closes_after_a_reply_that_precedes_the_end_of_the_body) {
    world w{[](server_stream* stream) -> asio::awaitable<void> {
        const auto piece = co_await stream->read_piece();
        EXPECT_EQ(*piece, "ab");
        stream->stop_reading();
        const auto after = co_await stream->read_piece();
        EXPECT_EQ(after.error().code, errc::cancelled);
        reply(*stream, "x", 1);
    }};
    w.settings.body_timeout = milliseconds{100}; // of the time for the rest of the body
    const auto got = w.run("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    EXPECT_TRUE(got.ends_with("Connection: close\r\n\r\nx")) << got;
    EXPECT_EQ(w.handler.served, 1);
}

TEST(http1_stream, hands_raw_bytes_through_after_101) {
    world w{[](server_stream* stream) -> asio::awaitable<void> {
        reply_head head;
        head.status = 101;
        head.upgrade = "echo";
        stream->send_head(head);
        for (;;) {
            const auto piece = co_await stream->read_piece();
            if (!piece || piece->empty()) {
                break;
            }
            stream->send(*piece);
        }
        stream->send("end");
        stream->finish();
    }};
    const auto test = [](world* with) -> asio::awaitable<void> {
        co_await with->open();
        co_await with->send("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: echo\r\nConnection: upgrade\r\n"
                            "\r\n\x01 first");
        const auto head = co_await test::read_until(with->client.get(), "first");
        EXPECT_EQ(
            head,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
            "\x01 first"
        );
        co_await with->send("GET / HTTP/1.1\r\n\r\n");
        const auto second = co_await test::read_until(with->client.get(), "\r\n\r\n");
        EXPECT_EQ(second, "GET / HTTP/1.1\r\n\r\n");
        with->client->shutdown(asio::ip::tcp::socket::shutdown_send);
        const auto rest = co_await test::read_until(with->client.get(), "never");
        EXPECT_EQ(rest, "end");
    };
    w.loop.run(test(&w));
    w.loop.end();
    EXPECT_EQ(w.handler.served, 1);
}

TEST(http1_stream, reports_a_client_that_has_reset_its_connection) {
    bool aborted = false;
    world w{[&aborted](server_stream* stream) {
        return [](server_stream* with, bool* flag) -> asio::awaitable<void> {
            auto executor = co_await asio::this_coro::executor;
            asio::steady_timer wait{executor, time_point::max()};
            with->on_abort([flag, &wait] {
                *flag = true;
                wait.cancel();
            });
            const auto [woken] = co_await wait.async_wait(net::use_tuple);
            (void)woken;
            EXPECT_FALSE(with->is_open());
            reply(*with, "nobody reads this", 17);
        }(stream, &aborted);
    }};
    const auto test = [](world* with, bool* flag) -> asio::awaitable<void> {
        co_await with->open();
        co_await with->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        const std::function<bool()> is_served = [with] {
            return with->handler.served == 1;
        };
        const bool served = co_await with->loop.until(is_served);
        EXPECT_TRUE(served);
        with->client->set_option(asio::socket_base::linger{true, 0});
        with->client->close();
        const std::function<bool()> is_aborted = [flag] {
            return *flag;
        };
        const bool seen = co_await with->loop.until(is_aborted);
        EXPECT_TRUE(seen);
    };
    w.loop.run(test(&w, &aborted));
    w.loop.end();
}

TEST(http1_stream, reads_a_body_no_further_when_unfinished_input_has_no_room) {
    errc code = errc::internal;
    world w{[&code](server_stream* stream) {
        return [](server_stream* with, errc* out) -> asio::awaitable<void> {
            result<std::string_view> piece = co_await with->read_piece();
            while (piece && !piece->empty()) {
                piece = co_await with->read_piece();
            }
            *out = piece ? errc::internal : piece.error().code;
            reply(*with, "x", 1);
        }(stream, &code);
    }};
    w.memory.set_bytes_max(std::size_t{8} * 1024);
    w.settings.body_timeout = milliseconds{100};
    std::string got;
    const auto test = [](world* with, std::string* received) -> asio::awaitable<void> {
        co_await with->open();
        co_await with->send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
        const std::function<bool()> is_served = [with] {
            return with->handler.served == 1;
        };
        const bool served = co_await with->loop.until(is_served);
        EXPECT_TRUE(served);
        co_await with->send(std::string(50'000, 'x'));
        *received = co_await test::read_until(with->client.get(), "\r\n\r\nx");
    };
    w.loop.run(test(&w, &got));
    w.loop.end();
    EXPECT_EQ(code, errc::refused);
    EXPECT_TRUE(got.ends_with("Connection: close\r\n\r\nx")) << got;
}

TEST(http1_stream, frees_the_head_when_it_is_released_and_serves_the_next_request) {
    world w{[](server_stream* stream) -> asio::awaitable<void> {
        const std::string path{stream->request().path};
        stream->release_request();
        EXPECT_TRUE(stream->request().path.empty());
        reply(*stream, path, path.size());
        co_return;
    }};
    const auto got = w.run(std::string{"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"} + close_request);
    EXPECT_TRUE(got.ends_with("\r\n\r\n/b")) << got;
    EXPECT_EQ(w.handler.served, 2);
}

constexpr std::size_t large = std::size_t{16} << 20;

TEST(http1_stream, waits_until_few_bytes_are_unsent) {
    std::size_t waited_for = 0;
    world w{[&waited_for](server_stream* stream) {
        return [](server_stream* with, std::size_t* out) -> asio::awaitable<void> {
            const auto body = std::make_shared<std::string>(large, 'x');
            reply_head head;
            head.content_length = 2 * large;
            with->send_head(head);
            with->send(body, *body);
            const bool open = co_await with->writable(1000);
            EXPECT_TRUE(open);
            *out = with->bytes_out();
            with->send(body, *body);
            with->finish();
        }(stream, &waited_for);
    }};
    const auto got = w.run(close_request);
    EXPECT_GE(got.size(), 2 * large);
    EXPECT_GE(waited_for, large - 1000);
}

} // namespace
} // namespace msd::http
