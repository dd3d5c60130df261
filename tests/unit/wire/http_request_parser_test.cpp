// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: one parser, with the requests that break each of its rules.
#include "wire/http_request_parser.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::wire {
namespace {

using parser = http_request_parser;
using event = parser::event;

struct message {
    std::string method;
    std::string path;
    std::string query;
    std::string body;
    bool keep_alive = false;

    bool operator==(const message&) const = default;
};

struct outcome {
    std::vector<message> complete;
    int heads = 0;
    int failure = 0;
    bool in_message = false;

    bool operator==(const outcome&) const = default;
};

// Feeds `bytes` until the parser needs more; false when the parser has failed.
bool feed(parser& reader, std::string_view bytes, outcome& seen, std::string& body) {
    for (;;) {
        const auto [what, consumed] = reader.feed(bytes);
        bytes.remove_prefix(consumed);
        switch (what) {
        case event::more:
            EXPECT_TRUE(bytes.empty());
            return true;
        case event::interim:
            ADD_FAILURE() << "a request has no interim head";
            return false;
        case event::head:
            ++seen.heads;
            break;
        case event::body:
            body += reader.body_piece();
            break;
        case event::complete: {
            const http_request& request = reader.request();
            seen.complete.push_back(
                {request.method,
                 std::string{request.path},
                 std::string{request.query},
                 std::exchange(body, {}),
                 request.keep_alive}
            );
            reader.next_request();
            break;
        }
        case event::failed:
            seen.failure = reader.failure_status();
            EXPECT_FALSE(reader.failure_text().empty());
            return false;
        }
    }
}

outcome read_cut(std::string_view stream, std::size_t cut, parser::limits limits) {
    parser reader{limits};
    outcome seen;
    std::string body;
    if (feed(reader, stream.substr(0, cut), seen, body)) {
        feed(reader, stream.substr(cut), seen, body);
    }
    seen.in_message = reader.in_message();
    return seen;
}

// Parses `stream` at once, cut in two at every byte, and byte by byte: the outcome must be the
// same.
outcome read(std::string_view stream, parser::limits limits = {}) {
    const outcome whole = read_cut(stream, stream.size(), limits);
    for (std::size_t cut = 0; cut < stream.size(); ++cut) {
        EXPECT_EQ(whole, read_cut(stream, cut, limits)) << "cut at byte " << cut;
    }
    parser reader{limits};
    outcome seen;
    std::string body;
    for (const char& c : stream) {
        if (!feed(reader, {&c, 1}, seen, body)) {
            break;
        }
    }
    seen.in_message = reader.in_message();
    EXPECT_EQ(whole, seen) << "byte by byte";
    return whole;
}

bool operator==(const outcome& seen, const std::vector<message>& wanted) {
    return seen.complete == wanted && seen.failure == 0 && !seen.in_message;
}

// The status that refuses a request with these header lines; 0: the request is accepted.
int refused(std::string_view headers) {
    return read("POST /a HTTP/1.1\r\nHost: h\r\n" + std::string{headers} + "\r\n").failure;
}

TEST(http_request_parser, reads_a_request_without_a_body) {
    EXPECT_TRUE(
        read("GET /goods?id=1&x HTTP/1.1\r\nHost: a:8000\r\n\r\n") ==
        (std::vector<message>{{"GET", "/goods", "id=1&x", "", true}})
    );
}

TEST(http_request_parser, reads_pipelined_requests_in_order) {
    EXPECT_TRUE(
        read("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbodyGET /b HTTP/1.1\r\n"
             "Host: h\r\n\r\nPUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
             "3;x=\"y\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"
             "DELETE /d HTTP/1.1\r\nHost: h\r\nConnection: x, CLOSE\r\n\r\n"
        ) == (std::vector<message>{
                 {"POST", "/a", "", "body", true},
                 {"GET", "/b", "", "", true},
                 {"PUT", "/c", "", "abc0123456789", true},
                 {"DELETE", "/d", "", "", false},
             })
    );
}

TEST(http_request_parser, stops_after_the_head_before_any_byte_of_the_body) {
    parser reader{{}};
    const std::string head = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n";
    const auto [what, consumed] = reader.feed(head + "body");
    EXPECT_EQ(what, event::head);
    EXPECT_EQ(consumed, head.size());
    EXPECT_EQ(reader.request().content_length, 9U);
    EXPECT_TRUE(reader.request().has_body());
}

TEST(http_request_parser, reports_a_request_without_a_body_as_complete_without_more_bytes) {
    parser reader{{}};
    EXPECT_EQ(reader.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n").what, event::head);
    EXPECT_TRUE(reader.in_message());
    EXPECT_EQ(reader.feed({}).what, event::complete);
    EXPECT_FALSE(reader.in_message());
}

TEST(http_request_parser, keeps_headers_as_sent_and_finds_them_in_any_case) {
    parser reader{{}};
    const auto did =
        reader.feed("GET / HTTP/1.1\r\nHost: h\r\nX-Name: \t a b\xE9 \t\r\nx-name: 2\r\nE:\r\n\r\n"
        );
    ASSERT_EQ(did.what, event::head);
    const http_request& request = reader.request();
    ASSERT_NE(request.header("x-NAME"), nullptr);
    EXPECT_EQ(*request.header("x-NAME"), "a b\xE9");
    EXPECT_EQ(*request.header("e"), "");
    EXPECT_EQ(request.header("x"), nullptr);
    EXPECT_EQ(request.headers[1].name, "X-Name");
}

TEST(http_request_parser, reports_keep_alive_and_expect_continue) {
    const auto wishes = [](std::string_view version, std::string_view headers) {
        parser reader{{}};
        EXPECT_EQ(
            reader
                .feed(
                    "POST / HTTP/" + std::string{version} + "\r\nHost: h\r\n" +
                    std::string{headers} + "\r\n"
                )
                .what,
            event::head
        );
        return std::pair{reader.request().keep_alive, reader.request().expect_continue};
    };
    EXPECT_EQ(wishes("1.1", ""), (std::pair{true, false}));
    EXPECT_EQ(wishes("1.0", ""), (std::pair{false, false}));
    EXPECT_EQ(wishes("1.0", "Connection: Keep-Alive\r\n"), (std::pair{true, false}));
    EXPECT_EQ(wishes("1.1", "Connection: keep-alive\r\nConnection: close\r\n").first, false);
    EXPECT_EQ(wishes("1.1", "Expect: 100-Continue\r\n").second, true);
    EXPECT_EQ(wishes("1.0", "Expect: 100-continue\r\n").second, false);
}

TEST(http_request_parser, reports_the_protocols_of_an_upgrade_and_that_trailers_are_accepted) {
    const auto said = [](std::string_view version, std::string_view headers) {
        parser reader{{}};
        EXPECT_EQ(
            reader
                .feed(
                    "GET / HTTP/" + std::string{version} + "\r\nHost: h\r\n" +
                    std::string{headers} + "\r\n"
                )
                .what,
            event::head
        );
        EXPECT_EQ(reader.request().headers.size(), 1U); // Host
        return reader.request().upgrade + (reader.request().te_trailers ? " trailers" : "");
    };
    EXPECT_EQ(said("1.1", "Connection: keep-alive, UPGRADE\r\nUpgrade: a/1\r\n"), "a/1");
    EXPECT_EQ(said("1.1", "Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n"), "a, b");
    EXPECT_EQ(said("1.1", "Upgrade: a\r\n"), "");
    EXPECT_EQ(said("1.1", "Connection: upgrade\r\n"), "");
    EXPECT_EQ(said("1.0", "Connection: upgrade\r\nUpgrade: a\r\n"), "");
    EXPECT_EQ(said("1.1", "TE: gzip, Trailers\r\n"), " trailers");
    EXPECT_EQ(said("1.1", "Connection: TE\r\nTE: trailers\r\n"), " trailers");
    EXPECT_EQ(said("1.1", "TE: gzip\r\n"), "");
    EXPECT_EQ(said("1.1", "Keep-Alive: 1\r\nProxy-Connection: close\r\n"), "");
}

TEST(http_request_parser, gives_the_trailers_that_a_message_may_have) {
    parser reader{{}};
    const std::string chunked = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const auto trailers = [&reader](std::string_view bytes) {
        std::string seen;
        for (auto what = event::more; what != event::complete && what != event::failed;) {
            const auto outcome = reader.feed(bytes);
            what = outcome.what;
            bytes.remove_prefix(outcome.consumed);
        }
        for (const http_header& trailer : reader.trailers()) {
            seen.append(trailer.name).append("=").append(trailer.value).append(";");
        }
        return seen;
    };
    EXPECT_EQ(
        trailers(chunked + "0\r\nX-A: 1 \r\nHost: x\r\nCookie: a\r\nx-b:\r\n\r\n"),
        "X-A=1;x-b=;"
    );
    EXPECT_EQ(*reader.request().header("host"), "h");
    reader.next_request();
    EXPECT_EQ(trailers(chunked + "0\r\n\r\n"), "");
    reader.next_request();
    std::string many;
    for (std::size_t count = 0; count <= parser::limits{}.headers_max; ++count) {
        many += "A: b\r\n";
    }
    static_cast<void>(trailers(chunked + "0\r\n" + many + "\r\n"));
    EXPECT_EQ(reader.failure_status(), 431);
}

TEST(http_request_parser, ignores_a_request_to_upgrade_the_protocol) {
    EXPECT_TRUE(
        read("GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
             "GET /b HTTP/1.1\r\nHost: h\r\n\r\n"
        ) == (std::vector<message>{{"GET", "/a", "", "", true}, {"GET", "/b", "", "", true}})
    );
}

TEST(http_request_parser, reads_all_forms_of_a_target) {
    const auto path = [](std::string_view method, std::string_view target) {
        const outcome seen = read(
            std::string{method} + " " + std::string{target} + " HTTP/1.1\r\nHost: h:80\r\n\r\n"
        );
        return seen.complete.empty() ? std::to_string(seen.failure)
                                     : seen.complete[0].path + "?" + seen.complete[0].query;
    };
    EXPECT_EQ(path("GET", "/a%20b?c?d"), "/a%20b?c?d");
    EXPECT_EQ(path("GET", "http://h:80/a?b"), "/a?b");
    EXPECT_EQ(path("GET", "HTTPS://H:80?b"), "/?b");
    EXPECT_EQ(path("OPTIONS", "*"), "*?");
    EXPECT_EQ(path("OPTIONS", "http://h"), "*?");
    EXPECT_EQ(path("OPTIONS", "http://h/"), "/?");
    EXPECT_EQ(path("OPTIONS", "http://h?a"), "/?a");
    EXPECT_EQ(path("GET", "http://h"), "/?");
    EXPECT_EQ(path("GET", "*"), "400");
    EXPECT_EQ(path("GET", "a"), "400");
    EXPECT_EQ(path("GET", "/a#b"), "400");
    EXPECT_EQ(path("GET", "/\xC3\xA9"), "400");
    EXPECT_EQ(path("GET", "http://other/a"), "400");
    EXPECT_EQ(path("GET", "http://user@h:80/a"), "400");
    EXPECT_EQ(path("GET", "ftp://h:80/a"), "400");
    EXPECT_EQ(path("CONNECT", "h:80"), "501");
}

TEST(http_request_parser, refuses_bad_request_lines) {
    const auto status = [](std::string_view line) {
        return read(std::string{line} + "Host: h\r\n\r\n").failure;
    };
    EXPECT_EQ(status("GET / HTTP/1.1\r\n"), 0);
    EXPECT_EQ(status("GET  / HTTP/1.1\r\n"), 400);
    EXPECT_EQ(status("GET /  HTTP/1.1\r\n"), 400);
    EXPECT_EQ(status("GET / a HTTP/1.1\r\n"), 400);
    EXPECT_EQ(status("GET\t/ HTTP/1.1\r\n"), 400);
    EXPECT_EQ(status(" GET / HTTP/1.1\r\n"), 400);
    EXPECT_EQ(status("GET /\x01 HTTP/1.1\r\n"), 400);
    EXPECT_EQ(status("G(T / HTTP/1.1\r\n"), 400);
    EXPECT_EQ(status("GET / HTTP/1.1 \r\n"), 400);
    EXPECT_EQ(status("GET / http/1.1\r\n"), 400);
    EXPECT_EQ(status("GET /\r\n"), 400);
    EXPECT_EQ(status("GET / HTTP/1.1\n"), 400);
    EXPECT_EQ(status("GET / HTTP/1.1\r\r\n"), 400);
    EXPECT_EQ(status("GET / HTTP/0.9\r\n"), 505);
    EXPECT_EQ(status("GET / HTTP/1.2\r\n"), 505);
    EXPECT_EQ(status("PRI * HTTP/2.0\r\n"), 505);
    EXPECT_EQ(status("PRI / HTTP/1.1\r\n"), 400); // reserved for HTTP/2
    EXPECT_EQ(status(std::string(64, 'A') + " / HTTP/1.1\r\n"), 0);
    EXPECT_EQ(status(std::string(65, 'A') + " / HTTP/1.1\r\n"), 501);
}

TEST(http_request_parser, reads_any_token_as_a_method_and_reports_whether_it_is_registered) {
    const auto is_known = [](std::string_view method) {
        parser reader{{}};
        const std::string head = std::string{method} + " /a?b HTTP/1.1\r\nHost: h\r\n\r\n";
        EXPECT_EQ(reader.feed(head).what, event::head) << method;
        EXPECT_EQ(reader.request().method, method);
        EXPECT_EQ(reader.request().path, "/a");
        return reader.request().is_known_method;
    };
    EXPECT_TRUE(is_known("PATCH"));
    EXPECT_TRUE(is_known("PROPFIND"));
    for (const char* method : {"BREW", "get", "DESCRIBE", "G", "GETT", "!"}) {
        EXPECT_FALSE(is_known(method)) << method;
    }
    // The next request of the connection is read as any other.
    EXPECT_TRUE(
        read("BREW /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nxGET /b HTTP/1.1\r\n"
             "Host: h\r\n\r\n"
        ) == (std::vector<message>{{"BREW", "/a", "", "x", true}, {"GET", "/b", "", "", true}})
    );
    parser reader{{}};
    static_cast<void>(reader.feed("BREW / HTTP/1.1\r\nHost: h\r\n\r\n"));
    static_cast<void>(reader.feed({}));
    reader.next_request();
    static_cast<void>(reader.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_TRUE(reader.request().is_known_method);
}

TEST(http_request_parser, refuses_bytes_that_do_not_begin_like_a_request_at_once) {
    EXPECT_EQ(read("\x16\x03").failure, 400);
    EXPECT_EQ(read(std::string_view{"\0", 1}).failure, 400);
}

TEST(http_request_parser, accepts_two_empty_lines_before_a_request) {
    EXPECT_TRUE(
        read("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n\r\n") ==
        (std::vector<message>{{"GET", "/", "", "", true}})
    );
    EXPECT_EQ(read("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").failure, 400);
    EXPECT_EQ(read("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").failure, 400);
}

TEST(http_request_parser, refuses_bad_header_lines) {
    EXPECT_EQ(refused("A: b\r\n"), 0);
    EXPECT_EQ(refused("A: b\r\n c\r\n"), 400);
    EXPECT_EQ(refused(" A: b\r\n"), 400);
    EXPECT_EQ(refused("A : b\r\n"), 400);
    EXPECT_EQ(refused(": b\r\n"), 400);
    EXPECT_EQ(refused("A\r\n"), 400);
    EXPECT_EQ(refused("A(b: c\r\n"), 400);
    EXPECT_EQ(refused("A: b\n"), 400);
    EXPECT_EQ(refused("A: b\rc\r\n"), 400);
    EXPECT_EQ(refused("A: b\x1B\r\n"), 400);
    EXPECT_EQ(refused("A: b\x7F\r\n"), 400);
    EXPECT_EQ(refused(std::string_view{"A: \0\r\n", 6}), 400);
    EXPECT_EQ(refused("\xC3\xA9: b\r\n"), 400);
}

TEST(http_request_parser, refuses_ambiguous_framing) {
    EXPECT_EQ(refused("Content-Length: 0\r\n"), 0);
    EXPECT_EQ(refused("Content-Length: 0\r\nContent-Length: 0\r\n"), 400);
    EXPECT_EQ(refused("Content-Length: 0, 0\r\n"), 400);
    EXPECT_EQ(refused("Content-Length:\r\n"), 400);
    EXPECT_EQ(refused("Content-Length: +1\r\n"), 400);
    EXPECT_EQ(refused("Content-Length: -1\r\n"), 400);
    EXPECT_EQ(refused("Content-Length: 1 1\r\n"), 400);
    EXPECT_EQ(refused("Content-Length: 0x1\r\n"), 400);
    EXPECT_EQ(refused("Content-Length: 18446744073709551616\r\n"), 400);
    EXPECT_EQ(refused("Transfer-Encoding: chunked\r\n"), 0);
    EXPECT_EQ(refused("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400);
    EXPECT_EQ(refused("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400);
    EXPECT_EQ(refused("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
    EXPECT_EQ(refused("Transfer-Encoding: gzip, chunked\r\n"), 501);
    EXPECT_EQ(refused("Transfer-Encoding: chunked, identity\r\n"), 400);
    for (const char* coding : {"", "x", "xchunked", "gzip", "identity", "chunked, gzip"}) {
        EXPECT_EQ(refused("Transfer-Encoding: " + std::string{coding} + "\r\n"), 400) << coding;
    }
    EXPECT_EQ(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").failure, 400);
}

TEST(http_request_parser, requires_exactly_one_valid_host) {
    const auto status = [](std::string_view rest) {
        return read("GET / HTTP/" + std::string{rest} + "\r\n").failure;
    };
    EXPECT_EQ(status("1.1\r\n"), 400);
    EXPECT_EQ(status("1.0\r\n"), 0);
    EXPECT_EQ(status("1.0\r\nHost: a\r\nHost: a\r\n"), 400);
    EXPECT_EQ(status("1.1\r\nHost: a\r\nhost: a\r\n"), 400);
    EXPECT_EQ(status("1.1\r\nHost: [::1]:8000\r\n"), 0);
    EXPECT_EQ(status("1.1\r\nHost:\r\n"), 400);
    EXPECT_EQ(status("1.1\r\nHost: h%zz\r\n"), 400);
    EXPECT_EQ(status("1.1\r\nHost: [:::::::1.2.3.4.5]:8000\r\n"), 400);
}

TEST(http_request_parser, treats_a_missing_port_in_an_absolute_target_as_the_default_port) {
    const auto status = [](const char* target, const char* host) {
        return read(
                   "GET " + std::string{target} + " HTTP/1.1\r\nHost: " + std::string{host} +
                   "\r\n\r\n"
        )
            .failure;
    };
    EXPECT_EQ(status("http://h:80/x", "h"), 0);
    EXPECT_EQ(status("http://h/x", "H:80"), 0);
    EXPECT_EQ(status("http://h:/x", "h"), 0);
    EXPECT_EQ(status("http://h/x", "h:"), 0);
    EXPECT_EQ(status("https://h/x", "h:443"), 0);
    EXPECT_EQ(status("http://[::1]:80/x", "[0:0::1]"), 0);
    EXPECT_EQ(status("http://h:80/x", "h:8000"), 400);
    EXPECT_EQ(status("https://h/x", "h:80"), 400);
    EXPECT_EQ(status("http://h/x", "other"), 400);
    EXPECT_EQ(status("http://[::1]/x", "[::2]"), 400);
    EXPECT_EQ(status("http:///x", "h"), 400);
}

TEST(http_request_parser, refuses_more_than_one_content_type) {
    EXPECT_EQ(refused("Content-Type: application/json\r\n"), 0);
    EXPECT_EQ(refused("Content-Type: a/b; c=\"d,e\"\r\n"), 0);
    EXPECT_EQ(refused("Content-Type: a/b\r\ncontent-type: a/b\r\n"), 400);
    EXPECT_EQ(refused("Content-Type: a/b, a/b\r\n"), 400);
    EXPECT_EQ(refused("Content-Type: a/b;c=\"d\", e/f\r\n"), 400);
}

TEST(http_request_parser, removes_the_headers_that_connection_names) {
    const auto head = [](std::string_view headers) {
        auto reader = std::make_unique<parser>(parser::limits{});
        EXPECT_EQ(
            reader->feed("PUT / HTTP/1.1\r\nHost: h\r\n" + std::string{headers} + "\r\n").what,
            event::head
        );
        return reader;
    };
    const auto named =
        head("Key: 1\r\nConnection: close, KEY\r\nX: 2\r\nconnection: ,x\r\nkey: 3\r\nY: 4\r\n");
    EXPECT_EQ(named->request().header("key"), nullptr);
    EXPECT_EQ(named->request().header("x"), nullptr);
    ASSERT_NE(named->request().header("y"), nullptr);
    EXPECT_EQ(*named->request().header("y"), "4");
    EXPECT_FALSE(named->request().keep_alive);
    // Connection cannot remove the headers that frame or describe the content.
    const auto framed =
        head("Connection: host, content-length, content-type, content-encoding\r\n"
             "Content-Length: 2\r\nContent-Type: a/b\r\nContent-Encoding: gzip\r\n");
    EXPECT_EQ(framed->request().content_length, 2U);
    EXPECT_TRUE(framed->request().content_coded);
    EXPECT_NE(framed->request().header("content-type"), nullptr);
    EXPECT_FALSE(head("Expect: 100-continue\r\nConnection: expect\r\n")->request().expect_continue);
}

TEST(http_request_parser, reports_a_content_encoding_and_a_content_range) {
    const auto said = [](std::string_view headers) {
        parser reader{{}};
        EXPECT_EQ(
            reader.feed("PUT / HTTP/1.1\r\nHost: h\r\n" + std::string{headers} + "\r\n").what,
            event::head
        );
        return std::pair{reader.request().content_coded, reader.request().content_range};
    };
    EXPECT_EQ(said(""), (std::pair{false, false}));
    EXPECT_EQ(said("Content-Encoding: gzip\r\n").first, true);
    EXPECT_EQ(said("Content-Encoding: identity, Br\r\n").first, true);
    EXPECT_EQ(said("Content-Encoding: identity\r\nContent-Encoding: gzip\r\n").first, true);
    EXPECT_EQ(said("Content-Encoding: Identity\r\n").first, false);
    EXPECT_EQ(said("Content-Encoding:\r\n").first, false);
    EXPECT_EQ(said("content-range: bytes 0-1/2\r\n").second, true);
}

TEST(http_request_parser, ignores_spaces_and_tabs_around_values) {
    for (const char* blank : {"\t", " \t ", "\t\t"}) {
        const std::string around{blank};
        EXPECT_TRUE(
            read(
                "POST / HTTP/1.1\r\nHost:" + around + "h" + around + "\r\nE:" + around +
                "\r\nConnection: close" + around + "\r\nContent-Length:" + around + "2" + around +
                "\r\n\r\n{}"
            ) == (std::vector<message>{{"POST", "/", "", "{}", false}})
        );
        EXPECT_TRUE(
            read(
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked" + around +
                "\r\n\r\n2\r\n{}\r\n0\r\nTrailer: 1" + around + "\r\n\r\n"
            ) == (std::vector<message>{{"POST", "/", "", "{}", true}})
        );
    }
    EXPECT_EQ(refused("Content-Length: 1\t1\r\n"), 400);
    EXPECT_EQ(refused("A\t: b\r\n"), 400);
}

TEST(http_request_parser, ignores_well_formed_chunk_extensions) {
    const std::string head = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const char* good :
         {";a",
          ";a=b",
          ";a=b;c=d",
          ";a;b;c",
          ";a=\"b\\\"c\"",
          ";a=\"b;c=d\"",
          ";a=\"\"",
          ";a=\"\t \xE9\\\\\"",
          "; a=b",
          " ;a",
          "\t; \ta = \t\"b\"; c"}) {
        EXPECT_TRUE(
            read(head + "1" + good + "\r\nx\r\n0" + good + "\r\n\r\n") ==
            (std::vector<message>{{"PUT", "/", "", "x", true}})
        ) << good;
    }
    for (const char* bad :
         {" ",
          ";",
          ";;a",
          ";a;",
          ";=b",
          ";a=",
          ";a=b ",
          ";a b",
          ";a=b c",
          ";a=\"b",
          ";a=\"b\\\"",
          ";a=\"b\"c",
          ";a=\"\x7F\"",
          ";a=(",
          ",a"}) {
        EXPECT_EQ(read(head + "1" + bad + "\r\nx\r\n0\r\n\r\n").failure, 400) << bad;
    }
}

TEST(http_request_parser, refuses_a_very_long_method_as_unknown) {
    for (const char* rest : {"", " / HTTP/1.1\r\nHost: h\r\n\r\n"}) {
        parser whole{{}};
        outcome seen;
        std::string body;
        const std::string line = std::string(100'000, 'A') + rest;
        EXPECT_FALSE(feed(whole, line, seen, body));
        EXPECT_EQ(seen.failure, 501);
        const parser::limits small{.head_bytes_max = 64};
        EXPECT_EQ(read(std::string(100, 'A') + rest, small).failure, 501);
    }
    EXPECT_EQ(
        read("GET /" + std::string(64, 'a') + " HTTP/1.1\r\n", {.head_bytes_max = 64}).failure,
        414
    );
}

TEST(http_request_parser, advises_to_percent_encode_characters_that_a_target_must_not_contain) {
    const auto text = [](std::string_view target) {
        parser reader{{}};
        const std::string head = "GET " + std::string{target} + " HTTP/1.1\r\nHost: h\r\n\r\n";
        EXPECT_EQ(reader.feed(head).what, event::failed);
        EXPECT_EQ(reader.failure_status(), 400);
        return std::string{reader.failure_text()};
    };
    for (const char* target : {"/a?b=\xC3\xA9", "/\xEC\x97\xB0", "/a b", "/a?b=c d", "/a\x01"}) {
        EXPECT_NE(text(target).find("percent-encode"), std::string::npos) << target;
    }
}

TEST(http_request_parser, refuses_bad_chunks) {
    const auto status = [](std::string_view body) {
        return read(
                   "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
                   std::string{body}
        )
            .failure;
    };
    EXPECT_EQ(status("0\r\n\r\n"), 0);
    EXPECT_EQ(status("1\r\nab\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(status("2\r\na\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(status("1\na\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(status("1\r\na\n0\r\n\r\n"), 400);
    EXPECT_EQ(status("1 \r\na\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(status(" 1\r\na\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(status("+1\r\na\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(status("0x1\r\na\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(status("\r\na\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(status("1;a\rb\r\na\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(status("10000000000000000\r\n"), 400);
    EXPECT_EQ(status("0\r\nContent-Length: 1\r\n\r\n"), 400);
    EXPECT_EQ(status("0\r\ntransfer-encoding: chunked\r\n\r\n"), 400);
    EXPECT_EQ(status("0\r\nA : b\r\n\r\n"), 400);
    EXPECT_EQ(status("0\r\n a\r\n\r\n"), 400);
    EXPECT_EQ(status("0\r\n\n"), 400);
}

TEST(http_request_parser, limits_the_bytes_of_chunk_extensions_and_trailers) {
    const std::string head = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(read(head + "1;" + std::string(300, 'x') + "\r\n").failure, 400);
    std::string extended = head;
    for (std::size_t sum = 0; sum <= parser::chunk_extension_bytes_max; sum += 201) {
        extended += "1;" + std::string(200, 'x') + "\r\na\r\n";
    }
    parser reader{{}};
    outcome seen;
    std::string body;
    EXPECT_FALSE(feed(reader, extended, seen, body));
    EXPECT_EQ(seen.failure, 400);
    EXPECT_EQ(
        read(head + "0\r\nA: " + std::string(parser::trailer_bytes_max, 'x') + "\r\n\r\n").failure,
        431
    );
}

TEST(http_request_parser, limits_the_size_of_the_head) {
    const parser::limits small{.head_bytes_max = 128, .headers_max = 2};
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n", small).failure, 0);
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\n\r\n", small).failure, 431);
    EXPECT_EQ(
        read("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(128, 'b') + "\r\n\r\n", small)
            .failure,
        431
    );
    EXPECT_EQ(read("GET /" + std::string(128, 'a') + " HTTP/1.1\r\n", small).failure, 414);
    parser reader{{}};
    outcome seen;
    std::string body;
    const std::string target(parser::target_bytes_max, 'a');
    EXPECT_FALSE(feed(reader, "GET /" + target + " HTTP/1.1\r\n", seen, body));
    EXPECT_EQ(seen.failure, 414);
}

TEST(http_request_parser, reports_whether_a_message_has_begun) {
    parser reader{{}};
    EXPECT_FALSE(reader.in_message());
    for (const char* ends : {"\r", "\n", "\r"}) {
        EXPECT_EQ(reader.feed(ends).what, event::more);
        EXPECT_FALSE(reader.in_message());
    }
    EXPECT_EQ(reader.feed("\nG").what, event::more);
    EXPECT_TRUE(reader.in_message());
}

TEST(http_request_parser, keeps_fields_that_connection_must_not_name) {
    for (const char* name : {"host", "content-type", "content-encoding", "content-range"}) {
        parser reader{{}};
        const std::string head =
            std::string{"GET / HTTP/1.1\r\nHost: h\r\nContent-Type: a\r\n"} +
            "Content-Encoding: identity\r\nContent-Range: b\r\nConnection: " + name + "\r\n\r\n";
        ASSERT_EQ(reader.feed(head).what, event::head) << name;
        EXPECT_NE(reader.request().header(name), nullptr) << name;
        EXPECT_EQ(reader.request().headers.size(), 4U) << name;
    }
}

TEST(http_request_parser, accepts_exactly_as_much_as_its_limits_allow) {
    const std::string start = "GET / HTTP/1.1\r\n";
    const auto fed = [](const std::string& bytes, parser::limits chosen) {
        parser reader{chosen};
        const auto what = reader.feed(bytes).what;
        return what == event::failed ? reader.failure_status() : 0;
    };
    const std::string two = start + "Host: h\r\nA: b\r\n\r\n";
    EXPECT_EQ(fed(two, {1000, 2}), 0);
    EXPECT_EQ(fed(two, {1000, 1}), 431);
    EXPECT_EQ(fed(two, {two.size(), 2}), 0);
    EXPECT_EQ(fed(two, {two.size() - 1, 2}), 431);
    const auto with_target = [](std::size_t bytes) {
        return "GET /" + std::string(bytes - 1, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
    };
    EXPECT_EQ(parser::target_bytes_max, 8192U);
    EXPECT_EQ(fed(with_target(8192), {}), 0);
    EXPECT_EQ(fed(with_target(8193), {}), 414);
}

TEST(http_request_parser, accepts_exactly_4096_bytes_of_chunk_extensions) {
    const auto status = [](std::size_t last) {
        std::string bytes = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        const auto chunk = [&bytes](std::size_t extension) {
            bytes += "1;" + std::string(extension - 1, 'a') + "\r\nx\r\n";
        };
        for (int count = 0; count < 20; ++count) {
            chunk(200);
        }
        chunk(last);
        bytes += "0\r\n\r\n";
        return read_cut(bytes, bytes.size(), {}).failure;
    };
    EXPECT_EQ(status(96), 0);
    EXPECT_EQ(status(97), 400);
}

TEST(http_request_parser, counts_the_bytes_of_each_request_from_zero) {
    const std::string extension = "1;" + std::string(249, 'a') + "\r\nx\r\n";
    std::string request =
        "\r\n\r\nPOST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int count = 0; count < 10; ++count) {
        request += extension;
    }
    request += "0\r\nA: " + std::string(3000, 'b') + "\r\n\r\n";
    parser reader{{.head_bytes_max = 64, .headers_max = 2}};
    outcome seen;
    std::string body;
    for (int count = 0; count < 3; ++count) {
        EXPECT_TRUE(feed(reader, request, seen, body)) << reader.failure_text();
    }
    EXPECT_EQ(seen.complete.size(), 3U);
}

TEST(http_request_parser, accepts_exactly_4096_bytes_of_trailers) {
    const auto failure = [](std::size_t value) {
        const std::string bytes =
            "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " +
            std::string(value, 'b') + "\r\n\r\n";
        return read_cut(bytes, bytes.size(), {}).failure;
    };
    EXPECT_EQ(failure(4089), 0);
    EXPECT_EQ(failure(4090), 431);
}

TEST(http_request_parser, fails_with_503_after_an_unfinished_message_was_dropped) {
    for (const std::string_view begin :
         {"",
          "GET /a",
          "GET / HTTP/1.1\r\nHost: h\r\nA: b",
          "PUT / HTTP/1.1\r\nHost: h\r\n"
          "Content-Length: 5\r\n\r\nab"}) {
        parser reader{{}};
        std::string_view rest = begin;
        while (!rest.empty()) {
            rest.remove_prefix(reader.feed(rest).consumed);
        }
        reader.abandon("no room");
        EXPECT_EQ(reader.held_bytes() / 1024, 0U) << begin;
        EXPECT_EQ(reader.feed("c").what, parser::event::failed) << begin;
        EXPECT_EQ(reader.failure_status(), 503);
        EXPECT_EQ(reader.failure_text(), "no room");
    }
}

TEST(http_request_parser, reports_the_memory_of_an_unfinished_head) {
    parser reader{{}};
    EXPECT_EQ(reader.held_bytes() / 1024, 0U);
    static_cast<void>(reader.feed("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(3000, 'a')));
    EXPECT_GE(reader.held_bytes(), 3000U);
    static_cast<void>(reader.feed("\r\nB: " + std::string(5000, 'a')));
    EXPECT_GE(reader.held_bytes(), 8000U);
}

} // namespace
} // namespace msd::wire
