// SPDX-License-Identifier: Apache-2.0
// A reply that is a stream, as its caller pulls it.
#include "integration/upstream/upstreams_fixture.hpp"

#include <asio/post.hpp>

namespace msd::upstream {
namespace {

class a_stream : public upstreams_on_a_loop {};

std::string key_of(const std::string& request) {
    json::object fields;
    EXPECT_TRUE(fields.parse(request)) << request;
    const json::value* const key = fields.find("key");
    return key == nullptr ? "" : std::string{key->text};
}

// The next packet that is not a ping, which is answered.
asio::awaitable<std::string> read_packet(fake_node* from) {
    for (;;) {
        std::string packet = co_await from->read();
        if (packet.find("\"/ping\"") == std::string::npos) {
            co_return packet;
        }
        from->answer(packet, "");
    }
}

// Calls the service, whose fake node answers with an open stream; `more` follows in the same
// segment, with "KEY" for the key. `key` becomes that of the request.
asio::awaitable<std::unique_ptr<reply_stream>>
opened(upstreams_on_a_loop* on, fake_node* by, std::string* key, std::string more) {
    attempt_slot made;
    on->begin("GET", test::loop::patience, &made);
    const std::string request = co_await read_packet(by);
    *key = key_of(request);
    std::string frames;
    wire::append_reply(frames, *key, {0, "success", {}, 200, 0, R"({"etag":"\"1\""})", true});
    for (auto at = more.find("KEY"); at != std::string::npos; at = more.find("KEY", at)) {
        more.replace(at, 3, *key);
    }
    by->connection->send(frames + more);
    std::function<bool()> came = [&made] {
        return made.has_value();
    };
    co_await on->loop.until(std::move(came));
    EXPECT_TRUE(made && made->outcome);
    EXPECT_NE(frame_of(*made).find("etag"), std::string::npos);
    EXPECT_NE(made->outcome->stream, nullptr);
    co_return std::move(made->outcome->stream);
}

std::string part_of(const std::string& key, std::string text) {
    std::string out;
    wire::append_part(out, key, {std::move(text), {}, {}});
    return out;
}

std::string end_of(const std::string& key, int errorcode = 0) {
    std::string out;
    wire::append_stream_end(out, key, errorcode, "out of paper");
    return out;
}

// The text of the next part; "end", or the text and number of an error.
asio::awaitable<std::string> next_of(reply_stream* from) {
    auto part = co_await from->next();
    if (!part) {
        co_return "error " + std::to_string(static_cast<int>(part.error().code));
    }
    co_return *part ? (*part)->text : "end";
}

std::string error_of(errc code) {
    return "error " + std::to_string(static_cast<int>(code));
}

TEST_F(a_stream, gives_its_parts_in_order_and_then_its_end) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        std::string key;
        const auto stream = co_await opened(me, peer, &key, "");
        peer->connection->send(part_of(key, "a") + part_of(key, "b"));
        const std::string first = co_await next_of(stream.get());
        const std::string second = co_await next_of(stream.get());
        peer->connection->send(end_of(key));
        const std::string third = co_await next_of(stream.get());
        const std::string again = co_await next_of(stream.get());
        EXPECT_EQ(first + second + third + again, "abendend");
    };
    loop.run(test(this, &node));
}

TEST_F(a_stream, loses_no_part_that_arrives_with_its_begin) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        std::string key;
        std::string parts = part_of("KEY", "a") + end_of("KEY");
        const auto stream = co_await opened(me, peer, &key, std::move(parts));
        const std::string first = co_await next_of(stream.get());
        const std::string second = co_await next_of(stream.get());
        EXPECT_EQ(first + second, "aend");
    };
    loop.run(test(this, &node));
}

TEST_F(a_stream, is_incomplete_when_its_service_reports_a_failure_or_its_connection_ends) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        std::string key;
        const auto failing = co_await opened(me, peer, &key, "");
        peer->connection->send(part_of(key, "a") + end_of(key, 1));
        const std::string part = co_await next_of(failing.get());
        const std::string failure = co_await next_of(failing.get());
        EXPECT_EQ(part + failure, "a" + error_of(errc::unavailable));
        const auto cut = co_await opened(me, peer, &key, "");
        peer->connection->send(part_of(key, "b"));
        const std::string before = co_await next_of(cut.get());
        peer->connection->close();
        const std::string after = co_await next_of(cut.get());
        EXPECT_EQ(before + after, "b" + error_of(errc::closed));
    };
    loop.run(test(this, &node));
}

TEST_F(a_stream, is_cancelled_at_the_service_when_the_caller_drops_it) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        std::string key;
        auto dropped = co_await opened(me, peer, &key, "");
        dropped.reset();
        const std::string packet = co_await read_packet(peer);
        EXPECT_EQ(packet, "{\"cancel\":" + key + "}");
        // Parts that were under way are dropped, and the connection serves on.
        std::string late = part_of(key, "late");
        const auto next = co_await opened(me, peer, &key, std::move(late));
        peer->connection->send(part_of(key, "a"));
        const std::string part = co_await next_of(next.get());
        EXPECT_EQ(part, "a");
    };
    loop.run(test(this, &node));
}

TEST_F(a_stream, breaks_behind_the_bytes_that_a_test_chooses) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        std::string key;
        const auto stream = co_await opened(me, peer, &key, "");
        stream->break_after(3);
        peer->connection->send(part_of(key, "abc") + part_of(key, "d"));
        const std::string whole = co_await next_of(stream.get());
        const std::string lost = co_await next_of(stream.get());
        EXPECT_EQ(whole + lost, "abc" + error_of(errc::closed));
        const std::string packet = co_await read_packet(peer);
        EXPECT_EQ(packet, "{\"cancel\":" + key + "}");
    };
    loop.run(test(this, &node));
}

TEST_F(a_stream, wakes_who_waits_for_a_part_when_it_is_cancelled) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        std::string key;
        const auto stream = co_await opened(me, peer, &key, "");
        reply_stream* const cancelled = stream.get();
        asio::post(me->loop.context, [cancelled] { cancelled->cancel(); });
        const std::string outcome = co_await next_of(cancelled);
        EXPECT_EQ(outcome, error_of(errc::cancelled));
        const std::string packet = co_await read_packet(peer);
        EXPECT_EQ(packet, "{\"cancel\":" + key + "}");
    };
    loop.run(test(this, &node));
}

TEST_F(a_stream, goes_on_after_no_part_has_arrived_in_time) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        std::string key;
        const auto stream = co_await opened(me, peer, &key, "");
        const deadline soon = deadline::in(milliseconds{60});
        const auto none = co_await stream->next(soon);
        EXPECT_FALSE(none);
        EXPECT_EQ(none.error().code, errc::timeout);
        peer->connection->send(part_of(key, "a") + end_of(key));
        const std::string part = co_await next_of(stream.get());
        const std::string end = co_await next_of(stream.get());
        EXPECT_EQ(part + end, "aend");
    };
    loop.run(test(this, &node));
}

TEST_F(a_stream, grants_credit_for_what_was_taken_and_never_for_more) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        std::string key;
        const auto stream = co_await opened(me, peer, &key, "");
        const std::string text(wire::stream_part_cost_max / 2 - wire::stream_part_overhead, 'x');
        std::string all;
        for (int i = 0; i < 4; ++i) {
            all += part_of(key, text);
        }
        peer->connection->send(all);
        const std::string first = co_await next_of(stream.get());
        // A request on the same connection is answered while the stream is not read.
        attempt_slot other;
        me->begin("GET", test::loop::patience, &other);
        const std::string request = co_await read_packet(peer); // and not credit
        EXPECT_NE(request.find("\"/x\""), std::string::npos);
        peer->answer(request, "");
        std::function<bool()> answered = [&other] {
            return other.has_value();
        };
        co_await me->loop.until(std::move(answered));
        EXPECT_TRUE(other && other->outcome);
        const std::string second = co_await next_of(stream.get());
        EXPECT_EQ(first + second, text + text);
        const std::string credit = co_await read_packet(peer);
        EXPECT_EQ(credit, "{\"credit\":" + key + ",\"bytes\":32768}");
        peer->connection->send(part_of(key, text) + part_of(key, text));
        for (int i = 0; i < 4; ++i) {
            const std::string part = co_await next_of(stream.get());
            EXPECT_EQ(part, text);
        }
    };
    loop.run(test(this, &node));
}

TEST_F(a_stream, ends_as_malformed_when_the_service_sends_more_than_its_credit) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        std::string key;
        const auto stream = co_await opened(me, peer, &key, "");
        const std::string text(wire::stream_part_cost_max - wire::stream_part_overhead, 'x');
        peer->connection->send(part_of(key, text) + part_of(key, text) + part_of(key, "y"));
        const std::string packet = co_await read_packet(peer);
        EXPECT_EQ(packet, "{\"cancel\":" + key + "}");
        co_await next_of(stream.get());
        co_await next_of(stream.get());
        const std::string third = co_await next_of(stream.get());
        EXPECT_EQ(third, error_of(errc::malformed));
    };
    loop.run(test(this, &node));
}

TEST_F(a_stream, keeps_the_connection_of_a_node_that_drains_until_its_end) {
    fake_node node{loop, "svc", true};
    list({node.info});
    const auto test = [](upstreams_on_a_loop* me, fake_node* peer) -> asio::awaitable<void> {
        co_await peer->accept();
        std::string key;
        const auto stream = co_await opened(me, peer, &key, "");
        me->list({});
        peer->connection->send(part_of(key, "a"));
        const std::string part = co_await next_of(stream.get());
        peer->connection->send(end_of(key));
        const std::string end = co_await next_of(stream.get());
        EXPECT_EQ(part + end, "aend");
        const std::string closed = co_await read_packet(peer);
        EXPECT_EQ(closed, "");
    };
    loop.run(test(this, &node));
}

} // namespace
} // namespace msd::upstream
