// SPDX-License-Identifier: Apache-2.0
#include "wire/http_message.hpp"
#include "wire/http_request_parser.hpp"
#include "wire/http_response_parser.hpp"

#include <array>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <string_view>

namespace msd::wire {
namespace {

std::string written(const http_request_head& head) {
    std::string out;
    append_request_head(out, head);
    return out;
}

std::string written(const http_reply_head& head) {
    std::string out;
    append_reply_head(out, head);
    return out;
}

http_request_head get() {
    http_request_head head;
    head.method = "GET";
    head.target = "/a?b";
    head.host = "h";
    return head;
}

TEST(http_message, knows_the_fields_of_one_connection) {
    for (const char* name :
         {"connection", "Keep-Alive", "PROXY-CONNECTION", "te", "Transfer-Encoding", "Upgrade"}) {
        EXPECT_TRUE(is_hop_by_hop(name)) << name;
        EXPECT_FALSE(is_allowed_in_trailers(name)) << name;
    }
    for (const char* name :
         {"", "Host", "Content-Length", "Trailer", "Connections", "t", "Ugrade"}) {
        EXPECT_FALSE(is_hop_by_hop(name)) << name;
    }
}

TEST(http_message, knows_the_fields_that_trailers_must_not_have) {
    for (const char* name :
         {"content-length",
          "Host",
          "trailer",
          "Set-Cookie",
          "cache-control",
          "Authorization",
          "Content-Type",
          "If-None-Match",
          "WWW-Authenticate",
          "Warning",
          "Age"}) {
        EXPECT_FALSE(is_allowed_in_trailers(name)) << name;
    }
    for (const char* name : {"X-Sum", "Server-Timing", "Grpc-Status", "ETag", "Digest"}) {
        EXPECT_TRUE(is_allowed_in_trailers(name)) << name;
    }
}

TEST(http_message, writes_a_request_head) {
    EXPECT_EQ(written(get()), "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n");
    http_fields fields;
    fields.add("Host", "other");
    fields.add("Accept", "*/*");
    fields.add("Connection", "close");
    fields.add("Content-Length", "99");
    fields.add("TE", "gzip");
    fields.add("X-Forwarded-For", "1.2.3.4");
    fields.add("transfer-encoding", "chunked");
    constexpr std::array<std::string_view, 1> without{"x-forwarded-for"};
    http_request_head head = get();
    head.fields = &fields;
    head.without = without;
    head.lines = "X-A: 1\r\nX-B: 2\r\n";
    head.body.content_length = 3;
    EXPECT_EQ(
        written(head),
        "GET /a?b HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 3\r\n"
        "\r\n"
    );
    head.host = {};
    head.body.chunked = true;
    head.te_trailers = true;
    head.upgrade = "websocket";
    head.keep_alive = false;
    EXPECT_EQ(
        written(head),
        "GET /a?b HTTP/1.1\r\nHost: other\r\nAccept: */*\r\nX-A: 1\r\nX-B: 2\r\n"
        "Transfer-Encoding: chunked\r\nTE: trailers\r\nUpgrade: websocket\r\n"
        "Connection: close, TE, Upgrade\r\n\r\n"
    );
    http_request_head upgrade = get();
    upgrade.upgrade = "websocket";
    EXPECT_EQ(
        written(upgrade),
        "GET /a?b HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    );
}

TEST(http_message, writes_request_heads_that_the_request_parser_reads_as_the_same) {
    http_request_parser reader{{}};
    const std::string_view sent =
        "POST /a?b HTTP/1.1\r\nHost: h:1\r\nX-A: 1\r\nConnection: X-B, Upgrade, TE\r\nX-B: 2\r\n"
        "Upgrade: x\r\nUpgrade: y\r\nTE: trailers;q=1, trailers\r\nContent-Length: 5\r\n\r\n";
    ASSERT_EQ(reader.feed(sent).what, http_event::head);
    const http_request& request = reader.request();
    http_request_head head;
    head.method = request.method;
    head.target = request.target;
    head.fields = &request.headers;
    head.body.content_length = request.content_length;
    head.te_trailers = request.te_trailers;
    head.upgrade = request.upgrade;
    EXPECT_EQ(
        written(head),
        "POST /a?b HTTP/1.1\r\nHost: h:1\r\nX-A: 1\r\nContent-Length: 5\r\nTE: trailers\r\n"
        "Upgrade: x, y\r\nConnection: TE, Upgrade\r\n\r\n"
    );
}

TEST(http_message, writes_a_reply_head) {
    http_fields fields;
    fields.add("Content-Type", "text/plain");
    fields.add("content-length", "99");
    fields.add("Keep-Alive", "timeout=5");
    fields.add("Server", "x");
    constexpr std::array<std::string_view, 1> without{"Server"};
    http_reply_head head;
    head.date = "Sun, 06 Nov 1994 08:49:37 GMT";
    head.fields = &fields;
    head.without = without;
    head.body.content_length = 12;
    head.lines = "X-Request-Id: r\r\n";
    EXPECT_EQ(
        written(head),
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
        "Content-Length: 12\r\nX-Request-Id: r\r\n\r\n"
    );
    head = {};
    head.status = 299;
    head.body.chunked = true;
    head.body.content_length = 12;
    head.keep_alive = false;
    head.minor_version = 0;
    EXPECT_EQ(
        written(head),
        "HTTP/1.1 299 Unknown\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    head = {};
    head.minor_version = 0;
    head.status = 304;
    head.body.content_length = 0;
    EXPECT_EQ(
        written(head),
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"
    );
}

TEST(http_message, writes_no_framing_into_replies_without_content) {
    http_reply_head head;
    head.body.content_length = 5;
    head.keep_alive = false;
    head.status = 103;
    head.lines = "Link: </a>\r\n";
    EXPECT_EQ(written(head), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    head.body.chunked = true;
    head.status = 204;
    EXPECT_EQ(written(head), "HTTP/1.1 204 No Content\r\nConnection: close\r\nLink: </a>\r\n\r\n");
    head = {};
    head.status = 101;
    head.upgrade = "websocket";
    EXPECT_EQ(
        written(head),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    );
}

TEST(http_message, writes_chunks_that_the_response_parser_reads) {
    std::string out = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::size_t bytes : {1U, 15U, 16U, 4096U}) {
        append_chunk_head(out, bytes);
        out.append(std::string(bytes, 'x')).append(chunk_end);
    }
    http_fields trailers;
    trailers.add("X-Sum", "1");
    trailers.add("Content-Length", "1");
    append_last_chunk(out, &trailers);
    EXPECT_TRUE(out.ends_with("x\r\n0\r\nX-Sum: 1\r\n\r\n"));
    http_response_parser reader;
    reader.expect({});
    std::string_view rest = out;
    std::size_t body = 0;
    for (auto what = http_event::more; what != http_event::complete;) {
        const auto outcome = reader.feed(rest);
        what = outcome.what;
        ASSERT_NE(what, http_event::failed) << reader.failure_text();
        rest.remove_prefix(outcome.consumed);
        body += what == http_event::body ? reader.body_piece().size() : 0;
    }
    EXPECT_EQ(body, 1U + 15 + 16 + 4096);
    EXPECT_EQ(*reader.trailers().find("x-sum"), "1");
    std::string end;
    append_last_chunk(end);
    EXPECT_EQ(end, "0\r\n\r\n");
    std::string longest;
    append_chunk_head(longest, std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(longest, "ffffffffffffffff\r\n");
    EXPECT_EQ(longest.size(), chunk_head_bytes_max);
}

TEST(http_message, knows_complete_header_lines) {
    for (const char* good : {"", "A: b\r\n", "A:\r\nB: c d\r\n"}) {
        EXPECT_TRUE(are_header_lines(good)) << good;
    }
    for (const char* bad :
         {"A", "A: b", "A: b\n", "\r\n", "A: b\r\n\r\n", ": b\r\n", "A b: c\r\n"}) {
        EXPECT_FALSE(are_header_lines(bad)) << bad;
    }
}

TEST(http_message, aborts_on_text_that_would_forge_a_message) {
    const auto with_field = [](std::string_view name, std::string_view value) {
        http_fields fields;
        fields.add(name, value);
        http_reply_head head;
        head.fields = &fields;
        return written(head);
    };
    EXPECT_DEATH(with_field("A", "b\r\nC: d"), "");
    EXPECT_DEATH(with_field("A: b\r\nC", "d"), "");
    EXPECT_DEATH(with_field("", "d"), "");
    http_request_head head = get();
    head.target = "/a HTTP/1.1\r\nA: b\r\n\r\n";
    EXPECT_DEATH(written(head), "");
    head = get();
    head.method = "GET /";
    EXPECT_DEATH(written(head), "");
    head = get();
    head.lines = "A: b\r\n\r\n";
    EXPECT_DEATH(written(head), "");
    std::string out;
    EXPECT_DEATH(append_chunk_head(out, 0), "");
}

} // namespace
} // namespace msd::wire
