// SPDX-License-Identifier: Apache-2.0
#include "integration/gateway/backend_fixture.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::gateway {
namespace {

using test::backend_fixture;
using test::fake_stream;
using script = test::scripted_program::script;

const std::string hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

script answering(std::vector<std::string> replies) {
    return test::scripted_program::answering(std::move(replies));
}

script closing(std::vector<std::string> replies) {
    return test::scripted_program::closing(std::move(replies));
}

TEST(http_backend, hands_the_request_on_and_the_reply_back) {
    backend_fixture all;
    all.start(answering({"HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                         "X-Request-Id: own\r\nETag: \"1\"\r\nKeep-Alive: timeout=5\r\n"
                         "Content-Length: 5\r\n\r\nhello"}));
    fake_stream client{"GET", "/x?y=1"};
    all.run(client);
    EXPECT_FALSE(all.refused.has_value());
    EXPECT_TRUE(all.program().received[0].starts_with("GET /x?y=1 HTTP/1.1\r\nHost: shop.example"));
    EXPECT_EQ(client.status, 201);
    EXPECT_EQ(client.content_length, 5U);
    EXPECT_EQ(client.body, "hello");
    EXPECT_TRUE(client.is_finished);
    EXPECT_TRUE(client.has_date);
    EXPECT_EQ(client.lines, "X-Request-Id: id-1\r\n");
    ASSERT_EQ(client.fields.size(), 2U);
    EXPECT_EQ(client.fields[1].value, "\"1\"");
    EXPECT_EQ(all.record.endpoint, all.program().address());
    EXPECT_EQ(all.record.attempts, 1);
    EXPECT_EQ(all.record.status, 201);
    EXPECT_EQ(all.record.cut, nullptr);
}

TEST(http_backend, keeps_the_connection_for_the_next_request) {
    backend_fixture all;
    all.start(answering({hello, hello, hello}));
    for (int i = 0; i < 3; ++i) {
        fake_stream client{"GET", "/"};
        all.run(client);
        EXPECT_EQ(client.body, "hello");
    }
    EXPECT_EQ(all.program().received.size(), 1U);
}

TEST(http_backend, opens_a_new_connection_when_the_program_does_not_keep_the_old_one) {
    for (const char* const fields : {"Connection: close\r\n", ""}) {
        backend_fixture all;
        const std::string version = *fields == '\0' ? "1.0" : "1.1";
        const std::string reply =
            "HTTP/" + version + " 200 OK\r\n" + fields + "Content-Length: 5\r\n\r\nhello";
        all.start_one({answering({reply}), answering({reply})});
        for (int i = 0; i < 2; ++i) {
            fake_stream client{"GET", "/"};
            all.run(client);
            EXPECT_EQ(client.body, "hello");
        }
        EXPECT_EQ(all.program().received.size(), 2U) << reply;
    }
}

TEST(http_backend, takes_a_body_that_ends_with_the_connection_as_one_of_unknown_length) {
    backend_fixture all;
    all.start(closing({"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it"}));
    fake_stream client{"GET", "/"};
    all.run(client);
    EXPECT_EQ(client.content_length, std::nullopt);
    EXPECT_EQ(client.body, "all of it");
    EXPECT_TRUE(client.is_finished);
}

TEST(http_backend, knows_the_replies_that_have_no_body) {
    const std::string not_modified = "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n";
    const std::string no_content = "HTTP/1.1 204 No Content\r\n\r\n";
    const std::string long_one = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    backend_fixture all;
    all.start(answering({not_modified, no_content, long_one, hello}));
    const std::vector<std::pair<const char*, int>> expected{
        {"GET", 304},
        {"DELETE", 204},
        {"HEAD", 200},
        {"GET", 200}};
    for (const auto& [method, status] : expected) {
        fake_stream client{method, "/"};
        all.run(client);
        EXPECT_EQ(client.status, status);
        EXPECT_TRUE(client.is_finished);
        EXPECT_EQ(client.body, status == 200 && client.head.method == "GET" ? "hello" : "");
    }
    EXPECT_EQ(all.program().received.size(), 1U);
}

TEST(http_backend, hands_chunks_and_trailers_on_as_they_come) {
    backend_fixture all;
    all.start(answering({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                         "5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n"}));
    fake_stream client{"GET", "/"};
    all.run(client);
    EXPECT_EQ(client.content_length, std::nullopt);
    EXPECT_EQ(client.body, "hello world");
    ASSERT_EQ(client.reply_trailers.size(), 1U);
    EXPECT_EQ(client.reply_trailers[0].value, "11");
}

TEST(http_backend, hands_informational_replies_on) {
    backend_fixture all;
    all.start(answering(
        {"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
         "HTTP/1.1 100 Continue\r\n\r\n" +
         hello}
    ));
    fake_stream client{"GET", "/"};
    all.run(client);
    EXPECT_EQ(client.interims, std::vector<int>{103}); // nobody asked for 100
    ASSERT_EQ(client.interim_fields.size(), 1U);
    EXPECT_EQ(client.interim_fields[0].value, "</a.css>; rel=preload");
    EXPECT_EQ(client.status, 200);
}

TEST(http_backend, corrects_redirects_and_cookies_when_a_prefix_was_stripped) {
    backend_fixture all;
    all.stripped = "/api";
    all.start(answering({"HTTP/1.1 302 Found\r\nLocation: /login\r\nSet-Cookie: a=1; Path=/\r\n"
                         "Content-Length: 0\r\n\r\n"}));
    fake_stream client{"GET", "/"};
    all.run(client);
    ASSERT_EQ(client.fields.size(), 2U);
    EXPECT_EQ(client.fields[0].value, "/api/login");
    EXPECT_EQ(client.fields[1].value, "a=1; Path=/api/");
}

TEST(http_backend, sends_the_programs_own_address_as_host_when_told_so) {
    backend_fixture all;
    all.settings.host = core::upstream_program_settings::host_field::upstream;
    all.settings.forwarded = true;
    all.start(answering({hello}));
    fake_stream client{"GET", "/"};
    all.run(client);
    const std::string& received = all.program().received[0];
    EXPECT_NE(received.find("Host: " + all.program().address() + "\r\n"), std::string::npos);
    EXPECT_NE(received.find("X-Forwarded-Host: shop.example\r\n"), std::string::npos);
    EXPECT_NE(received.find("Forwarded: for=192.0.2.7;"), std::string::npos);
}

TEST(http_backend, takes_programs_in_turn) {
    backend_fixture all;
    all.start_each({{answering({hello, hello})}, {answering({hello, hello})}});
    for (int i = 0; i < 4; ++i) {
        fake_stream client{"GET", "/"};
        all.run(client);
        EXPECT_EQ(all.record.endpoint, all.program(i % 2).address());
    }
}

TEST(http_backend, uses_another_program_when_one_accepts_no_connection) {
    backend_fixture all;
    all.start_each({{}, {answering({hello, hello})}});
    all.program(0).shut();
    for (int i = 0; i < 2; ++i) {
        fake_stream client{"POST", "/"};
        all.run(client);
        EXPECT_EQ(client.body, "hello");
        EXPECT_EQ(all.record.attempts, 1);
    }
}

TEST(http_backend, refuses_with_502_when_no_program_accepts_a_connection) {
    backend_fixture all;
    all.start_each({{}, {}});
    all.program(0).shut();
    all.program(1).shut();
    fake_stream client{"GET", "/"};
    all.run(client);
    ASSERT_TRUE(all.refused.has_value());
    EXPECT_EQ(all.refused->status, 502);
    EXPECT_EQ(all.refused->attempts, 2);
    EXPECT_EQ(all.refused->service, "shop");
    EXPECT_NE(all.refused->detail.find("refused"), std::string::npos) << all.refused->detail;
    EXPECT_FALSE(client.is_head_sent());
}

TEST(http_backend, applies_new_settings_without_ending_connections) {
    backend_fixture all;
    all.start(answering({hello, hello}));
    fake_stream first{"GET", "/"};
    all.run(first);
    core::upstream_program_settings other;
    other.name = "other";
    other.addresses = {"localhost:1"};
    ASSERT_TRUE(all.programs.apply({all.settings, other}).has_value());
    fake_stream second{"GET", "/"};
    all.run(second);
    EXPECT_EQ(all.program().received.size(), 1U);
    EXPECT_TRUE(all.backend.serves("other"));
    ASSERT_TRUE(all.programs.apply({}).has_value());
    EXPECT_FALSE(all.backend.serves("shop"));
}

TEST(http_backend, changes_nothing_when_an_address_cannot_be_read) {
    backend_fixture all;
    all.start(answering({hello}));
    core::upstream_program_settings wrong;
    wrong.name = "wrong";
    wrong.source = "msd.toml:7";
    wrong.addresses = {"localhost"};
    const auto applied = all.programs.apply({wrong});
    ASSERT_FALSE(applied.has_value());
    EXPECT_TRUE(applied.error().text.starts_with("msd.toml:7: 'localhost'"));
    EXPECT_TRUE(all.backend.serves("shop"));
}

TEST(http_backend, calls_nodes_that_the_registry_adds_until_it_removes_them) {
    backend_fixture all;
    all.start(answering({hello}));
    const auto place = upstream::program_place_of(all.program().address());
    ASSERT_TRUE(all.programs.apply({}).has_value());
    core::node_info node;
    node.id = {"shop", place->host, place->port};
    all.programs.add_node(node);
    fake_stream client{"GET", "/"};
    all.run(client);
    EXPECT_EQ(client.body, "hello");
    all.programs.remove_node(node.id);
    EXPECT_FALSE(all.backend.serves("shop"));
}

} // namespace
} // namespace msd::gateway
