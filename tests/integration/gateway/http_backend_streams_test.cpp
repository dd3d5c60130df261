// SPDX-License-Identifier: Apache-2.0
#include "integration/gateway/backend_fixture.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

// Bodies and tunnels: bytes in both directions while an exchange goes on.
namespace msd::gateway {
namespace {

using test::backend_fixture;
using test::fake_stream;
using script = test::scripted_program::script;

const std::string hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const std::string too_large = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";
const std::string switching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
constexpr const char* head_end = test::scripted_program::head_end;

script following(std::vector<test::scripted_program::step> steps) {
    script out;
    out.steps = std::move(steps);
    return out;
}

void make_upload(fake_stream& client, std::optional<std::uint64_t> length) {
    client.head.method = "POST";
    client.head.content_length = length;
    client.head.chunked = !length;
}

TEST(http_backend_streams, receives_a_small_body_before_it_takes_a_connection) {
    backend_fixture all;
    all.start(following({{"hello", hello}}));
    fake_stream client{"POST", "/"};
    make_upload(client, 5);
    client.give("hel");
    all.begin(client);
    all.wait([] { return true; });
    EXPECT_TRUE(all.program().received.empty());
    client.give("lo");
    client.give("");
    all.wait_for_end();
    EXPECT_TRUE(all.program().received[0].ends_with("Content-Length: 5\r\n\r\nhello"));
    EXPECT_EQ(client.body, "hello");
}

TEST(http_backend_streams, sends_a_large_body_while_it_arrives) {
    backend_fixture all;
    all.start(following({{"first", ""}, {"last", hello}}));
    fake_stream client{"POST", "/"};
    make_upload(client, 100'000);
    client.give(std::string(50'000, 'x') + "first");
    all.begin(client);
    all.wait([&all] {
        const auto& received = all.program().received;
        return !received.empty() && received[0].ends_with("first");
    });
    client.give(std::string(49'991, 'y') + "last");
    client.give("");
    all.wait_for_end();
    EXPECT_EQ(client.body, "hello");
    EXPECT_EQ(all.program().received[0].size(), all.program().received[0].find(head_end) + 100'004);
}

TEST(http_backend_streams, sends_chunks_and_trailers_of_the_client) {
    backend_fixture all;
    all.start(following({{"\r\n\r\n", ""}, {"0\r\nX-Sum: 8\r\n\r\n", hello}}));
    fake_stream client{"POST", "/"};
    make_upload(client, std::nullopt);
    client.request_trailers.add("X-Sum", "8");
    all.begin(client);
    all.wait([&all] { return !all.program().received.empty(); });
    for (const char* const piece : {"abc", "defgh", ""}) {
        client.give(piece);
    }
    all.wait_for_end();
    const std::string& received = all.program().received[0];
    EXPECT_NE(received.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
    EXPECT_TRUE(received.ends_with("3\r\nabc\r\n5\r\ndefgh\r\n0\r\nX-Sum: 8\r\n\r\n")) << received;
    EXPECT_EQ(client.body, "hello");
}

TEST(http_backend_streams, keeps_the_connection_after_an_upload) {
    backend_fixture all;
    all.start(following({{"0\r\n\r\n", hello}, {head_end, hello}}));
    fake_stream client{"POST", "/"};
    make_upload(client, std::nullopt);
    client.give("abc");
    client.give("");
    all.run(client);
    fake_stream second{"GET", "/"};
    all.run(second);
    EXPECT_EQ(second.body, "hello");
    EXPECT_EQ(all.program().received.size(), 1U);
}

TEST(http_backend_streams, waits_with_the_body_until_the_program_asks_for_it) {
    backend_fixture all;
    all.start(following({{head_end, "HTTP/1.1 100 Continue\r\n\r\n"}, {"hello", hello}}));
    fake_stream client{"PUT", "/"};
    make_upload(client, 5);
    client.head.expect_continue = true;
    all.begin(client);
    all.wait([&client] { return !client.interims.empty(); });
    EXPECT_EQ(client.interims, std::vector<int>{100});
    EXPECT_NE(all.program().received[0].find("Expect: 100-continue\r\n"), std::string::npos);
    client.give("hello");
    client.give("");
    all.wait_for_end();
    EXPECT_EQ(client.body, "hello");
}

TEST(http_backend_streams, asks_for_the_body_itself_when_the_program_does_not) {
    backend_fixture all;
    all.start(following({{head_end, ""}, {"hello", hello}}));
    fake_stream client{"PUT", "/"};
    make_upload(client, 5);
    client.head.expect_continue = true;
    all.begin(client);
    all.wait([&client] { return !client.interims.empty(); });
    client.give("hello");
    client.give("");
    all.wait_for_end();
    EXPECT_EQ(client.interims, std::vector<int>{100});
    EXPECT_EQ(client.body, "hello");
}

TEST(http_backend_streams, hands_on_a_refusal_that_the_program_sends_instead_of_100) {
    backend_fixture all;
    all.start(following({{head_end, too_large}}));
    fake_stream client{"PUT", "/"};
    make_upload(client, 5);
    client.head.expect_continue = true;
    all.run(client);
    EXPECT_EQ(client.status, 413);
    EXPECT_TRUE(client.is_finished);
    EXPECT_TRUE(client.is_reading_stopped);
    EXPECT_TRUE(client.interims.empty());
}

TEST(http_backend_streams, hands_on_a_reply_that_comes_while_the_body_is_being_sent) {
    backend_fixture all;
    script early = following({{head_end, too_large}});
    early.closes = true;
    all.start(early);
    fake_stream client{"POST", "/"};
    make_upload(client, 100'000'000);
    all.run(client); // the client sends nothing more: the reply does not wait for it
    EXPECT_EQ(client.status, 413);
    EXPECT_TRUE(client.is_finished);
    EXPECT_FALSE(client.is_reset);
    EXPECT_TRUE(client.is_reading_stopped);
    EXPECT_FALSE(all.refused.has_value());
}

TEST(http_backend_streams, refuses_a_body_that_grows_over_its_limit) {
    backend_fixture all;
    all.body_bytes_max = 10;
    all.start(following({{"never", ""}}));
    fake_stream client{"POST", "/"};
    make_upload(client, std::nullopt);
    client.give("123456");
    client.give("123456");
    all.run(client);
    ASSERT_TRUE(all.refused.has_value());
    EXPECT_EQ(all.refused->status, 413);
    all.wait([&all] { return all.program().ended == 1; });
    EXPECT_EQ(all.program().received[0].find("0\r\n\r\n"), std::string::npos);
}

TEST(http_backend_streams, maps_what_is_wrong_with_the_clients_body) {
    const std::vector<std::pair<errc, int>> expected{
        {errc::malformed, 400},
        {errc::timeout, 408},
        {errc::refused, 503}};
    for (const bool is_streamed : {false, true}) {
        for (const auto& [code, status] : expected) {
            backend_fixture all;
            all.start(following({{"never", ""}}));
            fake_stream client{"POST", "/"};
            make_upload(client, is_streamed ? std::nullopt : std::optional<std::uint64_t>{5});
            client.give_error(code, "wrong");
            all.run(client);
            ASSERT_TRUE(all.refused.has_value());
            EXPECT_EQ(all.refused->status, status);
        }
    }
}

TEST(http_backend_streams, a_program_that_does_not_read_the_body_is_504) {
    backend_fixture all;
    all.settings.between_bytes_timeout = milliseconds{100};
    all.start_one({}); // the kernel accepts the connection, the program never does
    fake_stream client{"POST", "/"};
    make_upload(client, std::uint64_t{1} << 30);
    for (int i = 0; i < 256; ++i) {
        client.give(std::string(std::size_t{64} * 1024, 'x'));
    }
    all.run(client);
    ASSERT_TRUE(all.refused.has_value());
    EXPECT_EQ(all.refused->status, 504);
    EXPECT_NE(all.refused->detail.find("request"), std::string::npos);
}

TEST(http_backend_streams, reads_a_large_reply_only_as_fast_as_the_client) {
    constexpr std::size_t size = std::size_t{16} << 20;
    backend_fixture all;
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size);
    all.start(following({{head_end, head + "\r\n\r\n" + std::string(size, 'x')}}));
    fake_stream client{"GET", "/"};
    client.is_slow = true;
    all.begin(client);
    std::size_t before = 0;
    // The program is stopped by the connection: its kernel takes no more.
    all.wait([&] { return std::exchange(before, all.program().sent) == before && before != 0; });
    EXPECT_LT(client.body.size(), std::size_t{128} * 1024);
    EXPECT_LE(client.unsent_most, std::size_t{64} * 1024);
    EXPECT_LT(all.program().sent, size);
    client.is_slow = false;
    client.take();
    all.wait_for_end();
    EXPECT_EQ(client.body.size(), size);
    EXPECT_TRUE(client.is_finished);
}

TEST(http_backend_streams, reads_informational_replies_only_as_fast_as_the_client) {
    constexpr std::size_t count = 50;
    backend_fixture all;
    std::string reply;
    for (std::size_t i = 0; i < count; ++i) {
        reply += "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(16'000, 'a') + "\r\n\r\n";
    }
    all.start(following({{head_end, reply + hello}}));
    fake_stream client{"GET", "/"};
    client.is_slow = true;
    all.begin(client);
    all.wait([&client] { return client.unsent_most > std::size_t{32} * 1024; });
    EXPECT_LT(client.interims.size(), count);
    client.is_slow = false;
    client.take();
    all.wait_for_end();
    EXPECT_EQ(client.interims.size(), count);
    EXPECT_LE(client.unsent_most, std::size_t{64} * 1024);
    EXPECT_EQ(client.body, "hello");
}

TEST(http_backend_streams, a_client_that_stops_reading_for_good_ends_the_reply) {
    backend_fixture all;
    const std::string reply = "HTTP/1.1 200 OK\r\n\r\n" + std::string(std::size_t{8} << 20, 'x');
    all.start(following({{head_end, reply}}));
    fake_stream client{"GET", "/"};
    client.is_slow = true;
    all.begin(client);
    all.wait([&client] { return !client.body.empty(); });
    client.reset(); // as a stream does after send_stall_timeout
    all.wait_for_end();
    EXPECT_NE(all.record.cut, nullptr);
}

// An upgraded connection: "ping" is answered by "pong".
struct tunnel_test : testing::Test {
    void open(script what) {
        all.start(std::move(what));
        client.head.upgrade = "websocket";
        all.begin(client);
        all.wait([this] { return client.status == 101; });
    }
    backend_fixture all;
    fake_stream client{"GET", "/"};
};

using http_backend_tunnel = tunnel_test;

TEST_F(http_backend_tunnel, carries_bytes_both_ways_until_the_program_ends_it) {
    script what = following({{head_end, switching + "first"}, {"ping", "pong"}, {"bye", ""}});
    what.closes = true;
    open(what);
    EXPECT_EQ(client.upgrade, "websocket");
    EXPECT_NE(all.program().received[0].find("Upgrade: websocket\r\n"), std::string::npos);
    all.wait([this] { return client.body == "first"; });
    client.give("ping");
    all.wait([this] { return client.body == "firstpong"; });
    client.give("bye");
    all.wait_for_end();
    EXPECT_TRUE(client.is_finished);
    EXPECT_FALSE(all.refused.has_value());
    EXPECT_EQ(all.record.cut, nullptr);
}

TEST_F(http_backend_tunnel, tells_the_program_when_the_client_ends_its_direction) {
    open(following({{head_end, switching}}));
    client.give("");
    all.wait([this] { return all.program().ended == 1; });
    all.wait_for_end();
    EXPECT_TRUE(client.is_finished);
}

TEST_F(http_backend_tunnel, ends_with_the_clients_connection) {
    open(following({{head_end, switching}}));
    client.abort();
    all.wait([this] { return all.is_over && all.program().ended == 1; });
}

TEST_F(http_backend_tunnel, ends_when_both_directions_are_silent_for_too_long) {
    all.settings.tunnel_idle_timeout = milliseconds{60};
    open(following({{head_end, switching}}));
    all.wait([this] { return all.is_over && all.program().ended == 1; });
    EXPECT_TRUE(client.is_finished);
}

TEST(http_backend_streams, hands_on_a_reply_other_than_101_to_an_upgrade) {
    backend_fixture all;
    all.start(following({{head_end, hello}}));
    fake_stream client{"GET", "/"};
    client.head.upgrade = "websocket";
    all.run(client);
    EXPECT_EQ(client.status, 200);
    EXPECT_EQ(client.body, "hello");
}

TEST(http_backend_streams, hands_on_no_upgrade_to_a_protocol_with_requests_of_its_own) {
    for (const char* const protocol : {"h2c", "websocket, H2C", "HTTP/2.0", "TLS/1.2"}) {
        backend_fixture all;
        all.start(following({{head_end, hello}}));
        fake_stream client{"GET", "/"};
        client.head.upgrade = protocol;
        all.run(client);
        EXPECT_EQ(client.status, 200);
        EXPECT_EQ(all.program().received[0].find("Upgrade"), std::string::npos) << protocol;
    }
}

} // namespace
} // namespace msd::gateway
