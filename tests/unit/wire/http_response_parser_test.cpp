// SPDX-License-Identifier: Apache-2.0
#include "wire/http_response_parser.hpp"

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
        "X-Sum: 1\r\nContent-Length: 9\r\nx-more: \t2 \r\n\r\n"
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

} // namespace
} // namespace msd::wire
