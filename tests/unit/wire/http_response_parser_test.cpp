// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: one parser, with the replies that break each of its rules.
#include "wire/http_response_parser.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::wire {
namespace {

using parser = http_response_parser;
using event = parser::event;
using expectation = parser::expectation;

// Everything that the parser reports about one reply.
struct reading {
    std::vector<int> heads; // with interim ones
    std::string body;
    std::string trailers;
    bool complete = false;
    bool keep_alive = false;
    std::string failure;
    std::string surplus; // what was not consumed

    bool operator==(const reading&) const = default;
};

// Feeds `bytes` until the parser needs more. False: nothing more can be fed.
bool feed(parser& reader, std::string_view bytes, reading& seen) {
    for (;;) {
        const auto [what, consumed] = reader.feed(bytes);
        bytes.remove_prefix(consumed);
        switch (what) {
        case event::more:
            EXPECT_TRUE(bytes.empty());
            return true;
        case event::interim:
            EXPECT_TRUE(reader.response().is_interim());
            seen.heads.push_back(reader.response().status);
            break;
        case event::head:
            EXPECT_FALSE(reader.response().is_interim());
            seen.heads.push_back(reader.response().status);
            seen.keep_alive = reader.response().keep_alive;
            break;
        case event::body:
            EXPECT_TRUE(reader.response().has_body);
            seen.body += reader.body_piece();
            break;
        case event::complete:
            seen.complete = true;
            seen.surplus += bytes;
            for (const http_header& trailer : reader.trailers()) {
                seen.trailers.append(trailer.name).append("=").append(trailer.value).append(";");
            }
            return false;
        case event::failed:
            seen.failure = reader.failure_text();
            EXPECT_FALSE(seen.failure.empty());
            return false;
        }
    }
}

// Feeds pieces of these lengths, then ends the stream.
reading read_cut(std::string_view stream, std::size_t cut, std::size_t step, expectation request) {
    parser reader;
    reader.expect(request);
    reading seen;
    std::size_t length = cut;
    bool goes_on = true;
    while (goes_on && !stream.empty()) {
        goes_on = feed(reader, stream.substr(0, length), seen);
        stream.remove_prefix(std::min(length, stream.size()));
        length = step;
    }
    if (seen.complete) {
        seen.surplus += stream;
    } else if (goes_on) {
        seen.complete = reader.end() == event::complete;
        seen.failure = reader.failure_text();
    }
    return seen;
}

// Parses `stream` at once, cut in two at every byte, and byte by byte: the outcome must be the
// same.
reading read(std::string_view stream, expectation request = {}) {
    const reading whole = read_cut(stream, stream.size(), stream.size(), request);
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
        EXPECT_EQ(whole, read_cut(stream, cut, stream.size(), request)) << "cut at byte " << cut;
    }
    EXPECT_EQ(whole, read_cut(stream, 1, 1, request)) << "byte by byte";
    return whole;
}

// The reason to refuse a reply with these header lines; empty: it is accepted.
std::string refused(std::string_view headers) {
    return read("HTTP/1.1 200 OK\r\n" + std::string{headers} + "\r\n").failure;
}

TEST(http_response_parser, reads_a_reply_with_a_length_and_keeps_what_follows_as_surplus) {
    const reading seen = read("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyHTTP/1.1 200");
    EXPECT_EQ(seen.heads, std::vector{200});
    EXPECT_EQ(seen.body, "body");
    EXPECT_TRUE(seen.complete);
    EXPECT_TRUE(seen.keep_alive);
    EXPECT_EQ(seen.surplus, "HTTP/1.1 200");
}

TEST(http_response_parser, reads_how_long_the_program_keeps_an_idle_connection) {
    const auto idle_s = [](const std::string& value) {
        parser reader;
        reader.expect({});
        EXPECT_EQ(
            reader.feed("HTTP/1.1 204 OK\r\nKeep-Alive: " + value + "\r\n\r\n").what,
            event::head
        );
        EXPECT_TRUE(reader.response().headers.empty());
        return reader.response().idle_s;
    };
    EXPECT_EQ(idle_s("timeout=5"), 5U);
    EXPECT_EQ(idle_s("max=100, Timeout=0"), 0U);
    for (const char* const value :
         {"", "max=5", "timeout", "timeout=", "timeout=5x", "timeout=-1"}) {
        EXPECT_EQ(idle_s(value), std::nullopt) << value;
    }
}

TEST(http_response_parser, reads_chunks_and_their_trailers) {
    const reading seen = read(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n2\r\nde\r\n0\r\n"
        "X-Sum: 1\r\nContent-Type: a\r\nx-more: \t2 \r\n\r\n"
    );
    EXPECT_EQ(seen.body, "abcde");
    EXPECT_TRUE(seen.complete);
    EXPECT_EQ(seen.trailers, "X-Sum=1;x-more=2;");
}

TEST(http_response_parser, reads_a_body_that_ends_with_the_connection) {
    const reading seen = read("HTTP/1.1 200 OK\r\n\r\nall of this");
    EXPECT_EQ(seen.body, "all of this");
    EXPECT_TRUE(seen.complete);
    EXPECT_FALSE(seen.keep_alive);
    EXPECT_TRUE(read("HTTP/1.0 200 OK\r\n\r\n").complete);
}

TEST(http_response_parser, fails_when_the_connection_ends_within_a_reply) {
    for (const char* begin :
         {"",
          "HTTP/1.1 2",
          "HTTP/1.1 200 OK\r\n",
          "HTTP/1.1 200 OK\r\nA: b\r\n",
          "HTTP/1.1 103 Early Hints\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n"}) {
        const reading seen = read(begin);
        EXPECT_FALSE(seen.complete) << begin;
        EXPECT_NE(seen.failure, "") << begin;
    }
}

TEST(http_response_parser, reads_no_body_where_the_request_or_the_status_excludes_it) {
    const std::string framed = "Content-Length: 4\r\n\r\n";
    const std::string chunked = "Transfer-Encoding: chunked\r\n\r\n";
    const auto surplus = [](const std::string& stream, expectation request) {
        const reading seen = read(stream + "body", request);
        EXPECT_TRUE(seen.complete);
        EXPECT_TRUE(seen.keep_alive);
        return seen.surplus;
    };
    for (const std::string& rest : {framed, chunked, std::string{"\r\n"}}) {
        EXPECT_EQ(surplus("HTTP/1.1 200 OK\r\n" + rest, {.head = true}), "body");
        EXPECT_EQ(surplus("HTTP/1.1 204 No Content\r\n" + rest, {}), "body");
        EXPECT_EQ(surplus("HTTP/1.1 304 Not Modified\r\n" + rest, {}), "body");
    }
    EXPECT_EQ(surplus("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", {}), "body");
    parser reader;
    reader.expect({.head = true});
    EXPECT_EQ(reader.feed("HTTP/1.1 200 OK\r\n" + framed).what, event::head);
    EXPECT_EQ(reader.response().content_length, 4U);
    EXPECT_FALSE(reader.response().has_body);
    EXPECT_EQ(reader.feed({}).what, event::complete);
}

TEST(http_response_parser, refuses_ambiguous_framing) {
    EXPECT_EQ(refused("Content-Length: 0\r\n"), "");
    for (const char* headers :
         {"Content-Length: 0\r\nContent-Length: 0\r\n",
          "Content-Length: 1\r\ncontent-length: 2\r\n",
          "Content-Length: 0, 0\r\n",
          "Content-Length:\r\n",
          "Content-Length: +1\r\n",
          "Content-Length: 1 1\r\n",
          "Content-Length: 18446744073709551616\r\n",
          "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
          "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: gzip, chunked\r\n",
          "Transfer-Encoding: identity\r\n",
          "Transfer-Encoding:\r\n"}) {
        EXPECT_NE(refused(headers), "") << headers;
    }
    EXPECT_NE(read("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").failure, "");
    // Also where no body follows: the program is not to be trusted with the next reply.
    const std::string twice = "Content-Length: 0\r\nContent-Length: 0\r\n\r\n";
    EXPECT_NE(read("HTTP/1.1 204 No Content\r\n" + twice).failure, "");
    EXPECT_NE(read("HTTP/1.1 100 Continue\r\n" + twice).failure, "");
    EXPECT_NE(read("HTTP/1.1 200 OK\r\n" + twice, {.head = true}).failure, "");
}

TEST(http_response_parser, refuses_malformed_lines) {
    for (const std::string_view line :
         {"HTTP/1.1 200 OK",
          "HTTP/1.1 200 ",
          "HTTP/1.1 200",
          "HTTP/1.1 599 a\tb\xE9",
          "HTTP/1.0 100 Continue"}) {
        EXPECT_EQ(
            read(std::string{line} + "\r\nContent-Length: 0\r\n\r\nHTTP/1.1 204\r\n\r\n").failure,
            ""
        ) << line;
    }
    for (const std::string_view stream : {
             std::string_view{"hello"},
             std::string_view{"\r\nHTTP/1.1 200 OK\r\n\r\n"},
             std::string_view{"\nHTTP/1.1 200 OK\r\n\r\n"},
             std::string_view{"HTTP/2.0 200 OK\r\n\r\n"},
             std::string_view{"HTTP/1.2 200 OK\r\n\r\n"},
             std::string_view{"HTTP/0.9 200 OK\r\n\r\n"},
             std::string_view{"HTTP/1 200 OK\r\n\r\n"},
             std::string_view{"http/1.1 200 OK\r\n\r\n"},
             std::string_view{"HTTP/1.1  200 OK\r\n\r\n"},
             std::string_view{"HTTP/1.1\t200 OK\r\n\r\n"},
             std::string_view{"HTTP/1.1 20 OK\r\n\r\n"},
             std::string_view{"HTTP/1.1 2000 OK\r\n\r\n"},
             std::string_view{"HTTP/1.1 200OK\r\n\r\n"},
             std::string_view{"HTTP/1.1 099 OK\r\n\r\n"},
             std::string_view{"HTTP/1.1 600 OK\r\n\r\n"},
             std::string_view{"HTTP/1.1 2x0 OK\r\n\r\n"},
             std::string_view{"HTTP/1.1 200 O\x01K\r\n\r\n"},
             std::string_view{"HTTP/1.1 200 O\0K\r\n\r\n", 21},
             std::string_view{"HTTP/1.1 200 OK\n\r\n"},
             std::string_view{"HTTP/1.1 200 OK\r\r\n\r\n"},
             std::string_view{"HTTP/1.1 200 OK\r\nA: b\n\r\n"},
             std::string_view{"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"},
             std::string_view{"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"},
             std::string_view{"HTTP/1.1 200 OK\r\nA : b\r\n\r\n"},
             std::string_view{"HTTP/1.1 200 OK\r\nA\r\n\r\n"},
             std::string_view{"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", 24},
             std::string_view{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"},
             std::string_view{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"},
             std::string_view{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n"},
         }) {
        const reading seen = read(stream);
        EXPECT_NE(seen.failure, "") << stream;
        EXPECT_FALSE(seen.complete) << stream;
    }
}

TEST(http_response_parser, gives_informational_replies_before_the_final_one) {
    const reading seen =
        read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
             "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_EQ(seen.heads, (std::vector{100, 103, 200}));
    EXPECT_EQ(seen.body, "x");
    EXPECT_TRUE(seen.complete);
    parser reader;
    reader.expect({});
    std::string_view rest = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                            "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n";
    const auto hints = reader.feed(rest);
    ASSERT_EQ(hints.what, event::interim);
    EXPECT_EQ(*reader.response().header("link"), "</a>");
    rest.remove_prefix(hints.consumed);
    ASSERT_EQ(reader.feed(rest).what, event::head);
    EXPECT_EQ(reader.response().header("link"), nullptr);
    EXPECT_EQ(*reader.response().header("a"), "b");
}

TEST(http_response_parser, limits_the_number_of_informational_replies) {
    const auto failure = [](int count) {
        std::string stream;
        for (int at = 0; at < count; ++at) {
            stream += "HTTP/1.1 102 Processing\r\n\r\n";
        }
        stream += "HTTP/1.1 204 No Content\r\n\r\n";
        return read_cut(stream, stream.size(), stream.size(), {}).failure;
    };
    EXPECT_EQ(failure(parser::interims_max), "");
    EXPECT_NE(failure(parser::interims_max + 1), "");
}

TEST(http_response_parser, gives_raw_bytes_after_a_switch_of_protocols_that_was_asked_for) {
    const std::string head = "HTTP/1.1 101 Switching Protocols\r\n";
    const std::string good = head + "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    const reading seen = read(good + "\x81\r\nHTTP/1.1 200", {.upgrade = true});
    EXPECT_EQ(seen.heads, std::vector{101});
    EXPECT_EQ(seen.body, "\x81\r\nHTTP/1.1 200");
    EXPECT_TRUE(seen.complete);
    EXPECT_FALSE(seen.keep_alive);
    parser reader;
    reader.expect({.upgrade = true});
    ASSERT_EQ(reader.feed(good).what, event::head);
    EXPECT_EQ(reader.response().upgrade, "websocket");
    EXPECT_FALSE(reader.response().headers.has("upgrade"));
    EXPECT_NE(read(good).failure, "");
    for (const char* bad : {"\r\n", "Upgrade: websocket\r\n\r\n", "Connection: upgrade\r\n\r\n"}) {
        EXPECT_NE(read(head + bad, {.upgrade = true}).failure, "") << bad;
    }
    const std::string old = "HTTP/1.0" + good.substr(8);
    EXPECT_NE(read(old, {.upgrade = true}).failure, "");
}

TEST(http_response_parser, leaves_out_the_fields_of_one_connection) {
    parser reader;
    reader.expect({});
    ASSERT_EQ(
        reader
            .feed("HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nKeep-Alive: timeout=5\r\n"
                  "X-Hop: 1\r\nUpgrade: h2c\r\nContent-Length: 3\r\nTrailer: A\r\nServer: s\r\n"
                  "Set-Cookie: a\r\nSet-Cookie: b\r\nProxy-Connection: x\r\n\r\n")
            .what,
        event::head
    );
    std::string names;
    for (const http_header& header : reader.response().headers) {
        names.append(header.name).append(" ");
    }
    EXPECT_EQ(names, "Trailer Server Set-Cookie Set-Cookie ");
    EXPECT_EQ(reader.response().content_length, 3U);
    EXPECT_FALSE(reader.response().keep_alive);
    EXPECT_EQ(reader.response().upgrade, "");
}

TEST(http_response_parser, reports_whether_the_program_keeps_the_connection) {
    const auto keeps = [](std::string_view version, std::string_view headers) {
        return read(
                   "HTTP/" + std::string{version} + " 200 OK\r\nContent-Length: 0\r\n" +
                   std::string{headers} + "\r\n"
        )
            .keep_alive;
    };
    EXPECT_TRUE(keeps("1.1", ""));
    EXPECT_FALSE(keeps("1.0", ""));
    EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
    EXPECT_FALSE(keeps("1.1", "Connection: keep-alive, close\r\n"));
}

TEST(http_response_parser, takes_bytes_that_no_request_waits_for_as_surplus) {
    parser reader;
    const std::string reply = "HTTP/1.1 204 No Content\r\n\r\n";
    const auto early = reader.feed(reply);
    EXPECT_EQ(early.what, event::complete);
    EXPECT_EQ(early.consumed, 0U);
    EXPECT_EQ(reader.end(), event::complete);
    for (int count = 0; count < 2; ++count) {
        reader.expect({});
        EXPECT_FALSE(reader.is_complete());
        EXPECT_EQ(reader.feed(reply).what, event::head);
        EXPECT_EQ(reader.feed({}).what, event::complete);
        EXPECT_TRUE(reader.is_complete());
        const auto late = reader.feed(reply);
        EXPECT_EQ(late.what, event::complete);
        EXPECT_EQ(late.consumed, 0U);
    }
}

TEST(http_response_parser, reports_whether_a_reply_has_begun) {
    parser reader;
    reader.expect({});
    EXPECT_FALSE(reader.has_begun());
    EXPECT_EQ(reader.feed("H").what, event::more);
    EXPECT_TRUE(reader.has_begun());
    parser interim;
    interim.expect({});
    EXPECT_EQ(interim.feed("HTTP/1.1 100 Continue\r\n\r\n").what, event::interim);
    EXPECT_EQ(interim.feed({}).what, event::more);
    EXPECT_TRUE(interim.has_begun());
}

TEST(http_response_parser, limits_the_head_and_the_trailers) {
    const auto failure = [](std::string_view bytes, parser::limits chosen) {
        parser reader{chosen};
        reader.expect({});
        reading seen;
        feed(reader, bytes, seen);
        return seen.failure;
    };
    const std::string two = "HTTP/1.1 204\r\nA: b\r\nC: d\r\n\r\n";
    EXPECT_EQ(failure(two, {1000, 2}), "");
    EXPECT_NE(failure(two, {1000, 1}), "");
    EXPECT_EQ(failure(two, {two.size(), 2}), "");
    EXPECT_NE(failure(two, {two.size() - 1, 2}), "");
    EXPECT_NE(failure("HTTP/1.1 200 " + std::string(100, 'a'), {64, 2}), "");
    // A million bytes of fields, or of one field, are refused long before their end.
    std::string many = "HTTP/1.1 200 OK\r\n";
    while (many.size() < 1'000'000) {
        many += "A: " + std::string(1000, 'b') + "\r\n";
    }
    EXPECT_NE(failure(many, parser::default_limits), "");
    const std::string one = "HTTP/1.1 200 OK\r\nA: " + std::string(1'000'000, 'b');
    EXPECT_NE(failure(one, parser::default_limits), "");
    const std::string chunked = "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    EXPECT_EQ(failure(chunked + "A: b\r\nC: d\r\n\r\n", {1000, 2}), "");
    EXPECT_NE(failure(chunked + "A: b\r\nC: d\r\nE: f\r\n\r\n", {1000, 2}), "");
}

TEST(http_response_parser, frees_memory_that_an_idle_connection_does_not_need) {
    parser reader;
    reader.expect({});
    const std::string reply =
        "HTTP/1.1 204 No Content\r\nA: " + std::string(10'000, 'a') + "\r\n\r\n";
    EXPECT_EQ(reader.feed(reply).what, event::head);
    EXPECT_EQ(reader.feed({}).what, event::complete);
    EXPECT_GE(reader.held_bytes(), 10'000U);
    reader.drop_response();
    EXPECT_LE(reader.held_bytes(), 2000U);
    EXPECT_TRUE(reader.is_complete());
    reader.expect({});
    EXPECT_EQ(reader.feed(reply).what, event::head);
}

TEST(http_response_parser, stays_failed) {
    parser reader;
    reader.expect({});
    EXPECT_EQ(reader.feed("x").what, event::failed);
    EXPECT_EQ(reader.feed("HTTP/1.1 204 No Content\r\n\r\n").what, event::failed);
    EXPECT_EQ(reader.end(), event::failed);
    EXPECT_DEATH(reader.expect({}), "");
}

} // namespace
} // namespace msd::wire
