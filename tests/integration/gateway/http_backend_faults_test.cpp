// SPDX-License-Identifier: Apache-2.0
#include "integration/gateway/backend_fixture.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

// Programs that misbehave: the client gets 502 or 504, or a reply that is visibly cut, and nothing
// reaches another request.
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

script resetting(std::vector<std::string> replies) {
    script out = answering(std::move(replies));
    out.resets = true;
    return out;
}

void expect_cut(const backend_fixture& all, const fake_stream& client) {
    EXPECT_FALSE(all.refused.has_value());
    EXPECT_TRUE(client.is_head_sent());
    EXPECT_TRUE(client.is_reset);
    EXPECT_FALSE(client.is_finished);
    EXPECT_NE(all.record.cut, nullptr);
}

void expect_refused(const backend_fixture& all, const fake_stream& client, int status) {
    ASSERT_TRUE(all.refused.has_value());
    EXPECT_EQ(all.refused->status, status);
    EXPECT_FALSE(client.is_head_sent());
    EXPECT_FALSE(client.is_reset);
}

TEST(http_backend_faults, replies_that_cannot_be_read_are_502) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::vector<std::string> replies{
        "",
        "HTTP/1.1 200",
        "\x16\x03\x01 not HTTP at all",
        "220 mail.example ESMTP\r\n",
        ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ok + "Content-Length: -5\r\n\r\nhello",
        ok + "Transfer-Encoding: gzip\r\n\r\nhello",
        ok + "X: a\r\n b\r\n\r\n",
        ok + "X: a\nY: b\r\n\r\n",
        ok + std::string("X: a\0b\r\n\r\n", 10),
        ok + "X: " + std::string(std::size_t{1} << 20, 'x'),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
    };
    for (const std::string& reply : replies) {
        backend_fixture all;
        all.start(closing({reply}));
        fake_stream client{"GET", "/"};
        all.run(client);
        expect_refused(all, client, 502);
        EXPECT_EQ(all.refused->attempts, 1) << reply.substr(0, 60);
    }
}

TEST(http_backend_faults, a_body_that_breaks_off_is_cut) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::vector<std::string> replies{
        ok + "Content-Length: 10\r\n\r\nhello",
        ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello!!!",
        ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n",
        ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" + std::string(1000, '1'),
    };
    for (const std::string& reply : replies) {
        backend_fixture all;
        all.start(closing({reply}));
        fake_stream client{"GET", "/"};
        all.run(client);
        expect_cut(all, client);
    }
}

TEST(http_backend_faults, a_body_without_a_length_is_cut_when_the_connection_is_reset) {
    backend_fixture all;
    all.start(resetting({"HTTP/1.1 200 OK\r\n\r\nhello"}));
    fake_stream client{"GET", "/"};
    all.run(client);
    if (client.is_head_sent()) {
        expect_cut(all, client);
    } else {
        expect_refused(all, client, 502); // the reset overtook the head
    }
}

TEST(http_backend_faults, a_program_that_does_not_reply_is_504) {
    for (const char* const reply : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 103 Early\r\n\r\n"}) {
        backend_fixture all;
        all.settings.first_byte_timeout = milliseconds{60};
        all.start(answering({reply}));
        fake_stream client{"GET", "/"};
        all.run(client);
        expect_refused(all, client, 504);
        EXPECT_NE(all.refused->detail.find("first byte"), std::string::npos);
    }
}

TEST(http_backend_faults, the_deadline_of_the_request_is_504_too) {
    backend_fixture all;
    all.until = deadline::in(milliseconds{60});
    all.start(answering({""}));
    fake_stream client{"GET", "/"};
    all.run(client);
    expect_refused(all, client, 504);
}

TEST(http_backend_faults, a_reply_that_stops_is_cut) {
    for (const char* const framing : {"Content-Length: 9", "Transfer-Encoding: chunked"}) {
        backend_fixture all;
        all.settings.between_bytes_timeout = milliseconds{60};
        const std::string head = "HTTP/1.1 200 OK\r\n" + std::string{framing} + "\r\n\r\n";
        all.start(answering({head + "5\r\nhe"}));
        fake_stream client{"GET", "/"};
        all.run(client);
        expect_cut(all, client);
    }
}

TEST(http_backend_faults, bytes_behind_a_reply_reach_no_other_request) {
    backend_fixture all;
    const std::string two = hello + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    all.start_one({answering({two}), answering({hello})});
    for (int i = 0; i < 2; ++i) {
        fake_stream client{"GET", "/"};
        all.run(client);
        EXPECT_EQ(client.body, "hello");
        EXPECT_TRUE(client.is_finished);
    }
    EXPECT_EQ(all.program().received.size(), 2U);
}

TEST(http_backend_faults, bytes_that_arrive_between_requests_reach_no_request) {
    backend_fixture all;
    script late = answering({hello});
    late.steps.push_back({"", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"});
    all.start_one({late, answering({hello})});
    fake_stream first{"GET", "/"};
    all.run(first);
    all.wait([&all] { return all.program().ended == 1; }); // the connection was given up
    fake_stream second{"GET", "/"};
    all.run(second);
    EXPECT_EQ(second.body, "hello");
    EXPECT_EQ(all.program().received.size(), 2U);
}

TEST(http_backend_faults, an_idempotent_request_is_repeated_when_a_kept_connection_ends) {
    for (const char* const method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
        backend_fixture all;
        all.start_one({closing({hello, ""}), answering({hello})});
        fake_stream first{"GET", "/"};
        all.run(first);
        fake_stream second{method, "/"};
        all.run(second);
        EXPECT_EQ(second.status, 200) << method;
        EXPECT_EQ(all.record.attempts, 2) << method;
    }
}

TEST(http_backend_faults, a_request_that_may_have_been_executed_is_not_repeated) {
    backend_fixture all;
    all.start_one({closing({hello, ""}), answering({hello})});
    fake_stream first{"GET", "/"};
    all.run(first);
    fake_stream second{"POST", "/"};
    all.run(second);
    expect_refused(all, second, 502);
    EXPECT_EQ(all.record.attempts, 1);
}

TEST(http_backend_faults, a_request_whose_reply_has_begun_is_not_repeated) {
    backend_fixture all;
    all.start_one({closing({hello, "HTTP/1.1 2"}), answering({hello})});
    fake_stream first{"GET", "/"};
    all.run(first);
    fake_stream second{"GET", "/"};
    all.run(second);
    expect_refused(all, second, 502);
}

TEST(http_backend_faults, a_request_is_repeated_once_at_most) {
    backend_fixture all;
    all.start_one({closing({hello, ""}), closing({""}), answering({hello})});
    fake_stream first{"GET", "/"};
    all.run(first);
    fake_stream second{"GET", "/"};
    all.run(second);
    expect_refused(all, second, 502);
    EXPECT_EQ(all.refused->attempts, 2);
}

TEST(http_backend_faults, a_safe_request_goes_to_another_program_when_one_breaks_off) {
    backend_fixture all;
    all.start_each({{closing({""})}, {answering({hello})}});
    fake_stream client{"GET", "/"};
    all.run(client);
    EXPECT_EQ(client.body, "hello");
    EXPECT_EQ(all.record.attempts, 2);
    EXPECT_EQ(all.record.endpoint, all.program(1).address());
}

TEST(http_backend_faults, a_kept_connection_that_the_program_has_closed_is_not_used) {
    backend_fixture all;
    all.start_one({closing({hello}), answering({hello})});
    fake_stream first{"GET", "/"};
    all.run(first);
    // The end may have arrived already or not: POST would show it.
    const auto endpoint = all.programs.find("shop")->all().front();
    all.wait([&endpoint] { return endpoint->pool().idle() == 0; });
    fake_stream second{"POST", "/"};
    all.run(second);
    EXPECT_EQ(second.body, "hello");
    EXPECT_EQ(all.record.attempts, 1);
}

TEST(http_backend_faults, a_client_that_leaves_ends_the_request_to_the_program) {
    backend_fixture all;
    all.start(answering({""}));
    fake_stream client{"GET", "/"};
    all.begin(client);
    all.wait([&all] { return !all.program().received.empty(); });
    client.abort();
    all.wait([&all] { return all.is_over && all.program().ended == 1; });
    EXPECT_FALSE(all.refused.has_value());
    EXPECT_NE(all.record.cut, nullptr);
}

} // namespace
} // namespace msd::gateway
