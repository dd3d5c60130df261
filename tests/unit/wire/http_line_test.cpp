// SPDX-License-Identifier: Apache-2.0
#include "wire/http_line.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::wire {
namespace {

int status_of_request_line(std::string_view line) {
    http_request_line out;
    return read_request_line(line, out).status;
}

int status_of_chunk_line(std::string_view line) {
    std::string_view size;
    return read_chunk_line(line, size).status;
}

TEST(http_line, reads_the_parts_of_a_request_line) {
    http_request_line out;
    EXPECT_FALSE(read_request_line("GET /a?b HTTP/1.0", out));
    EXPECT_EQ(out.method, "GET");
    EXPECT_EQ(out.target, "/a?b");
    EXPECT_EQ(out.minor_version, 0);
    EXPECT_FALSE(read_request_line("X ~ HTTP/1.1", out));
    EXPECT_EQ(out.minor_version, 1);
}

TEST(http_line, refuses_a_request_line_with_the_status_that_names_the_fault) {
    for (const char* malformed :
         {"",
          "GET",
          "GET /",
          "GET  HTTP/1.1",
          " / HTTP/1.1",
          "G@T / HTTP/1.1",
          "GET / ",
          "GET / HTTP/1.1x",
          "GET / HTTP/1.",
          "GET / XTTP/1.1",
          "GET / HTTP/x.1",
          "GET / HTTP/1.x",
          "GET / HTTP/1x1",
          "GET /\x7F HTTP/1.1",
          "GET /\xC3\xA9 HTTP/1.1"}) {
        EXPECT_EQ(status_of_request_line(malformed), 400) << malformed;
    }
    for (const char* version : {"HTTP/0.1", "HTTP/2.0", "HTTP/1.2", "HTTP/1.9", "HTTP/0.9"}) {
        EXPECT_EQ(status_of_request_line(std::string{"GET / "} + version), 505) << version;
    }
    EXPECT_EQ(status_of_request_line("CONNECT h:80 HTTP/1.1"), 501);
}

TEST(http_line, reports_why_a_target_is_refused) {
    const auto text = [](std::string_view line) {
        http_request_line out;
        return std::string{read_request_line(line, out).text};
    };
    EXPECT_NE(text("GET /\xC3\xA9 HTTP/1.1").find("beyond ASCII"), std::string::npos);
    EXPECT_NE(text("GET /a b HTTP/1.1").find("%20"), std::string::npos);
    EXPECT_NE(text("GET /a\tb HTTP/1.1").find("control character"), std::string::npos);
    EXPECT_NE(text("GET  / HTTP/1.1").find("request line"), std::string::npos);
    EXPECT_NE(text("GET /  HTTP/1.1").find("request line"), std::string::npos);
}

TEST(http_line, reads_the_parts_of_a_target) {
    http_target out;
    EXPECT_FALSE(read_target("GET", "/a/b?c=d?e", out));
    EXPECT_EQ(out.path, "/a/b");
    EXPECT_EQ(out.query, "c=d?e");
    EXPECT_EQ(out.authority, "");
    EXPECT_FALSE(read_target("GET", "HTTPS://h:1/a?b", out));
    EXPECT_EQ(out.authority, "h:1");
    EXPECT_EQ(out.path, "/a");
    EXPECT_EQ(out.query, "b");
    EXPECT_EQ(out.default_port, 443);
    EXPECT_FALSE(read_target("GET", "http://h?b", out));
    EXPECT_EQ(out.authority, "h");
    EXPECT_EQ(out.path, "/");
    EXPECT_EQ(out.query, "b");
    EXPECT_EQ(out.default_port, 80);
    EXPECT_FALSE(read_target("GET", "/", out));
    EXPECT_EQ(out.query, "");
    EXPECT_FALSE(read_target("OPTIONS", "*", out));
    EXPECT_EQ(out.path, "*");
    for (const char* bad : {"*", "a", "/a#b", "http://", "http:///a", "ftp://h/", "http:/h", "#"}) {
        EXPECT_EQ(read_target("GET", bad, out).status, 400) << bad;
    }
    EXPECT_EQ(read_target("OPTIONS", "**", out).status, 400);
}

TEST(http_line, reads_a_header_line_without_the_blanks_around_its_value) {
    http_header_line out;
    EXPECT_FALSE(read_header_line("A-b: \t c d\xE9 \t", out));
    EXPECT_EQ(out.name, "A-b");
    EXPECT_EQ(out.value, "c d\xE9");
    EXPECT_FALSE(read_header_line("A:", out));
    EXPECT_EQ(out.value, "");
    EXPECT_FALSE(read_header_line("A:b:c", out));
    EXPECT_EQ(out.value, "b:c");
    for (const char* bad : {"", "A", ":b", "A :b", " A:b", "A b:c", "A:\x01", "A:b\x7F", "\tb:c"}) {
        EXPECT_EQ(read_header_line(bad, out).status, 400) << bad;
    }
}

TEST(http_line, reads_the_size_of_a_chunk_and_checks_its_extensions) {
    std::string_view size;
    EXPECT_FALSE(read_chunk_line("1aF;a=b", size));
    EXPECT_EQ(size, "1aF");
    for (const char* good :
         {"0",
          "0123456789abcdef",
          "1;a",
          "1;a=b",
          "1 ; a = b ; c",
          "1\t;\ta\t=\t\"b;\\\"=\"",
          "1;a=\"\"",
          "1;a=b;c=\"d\";e"}) {
        EXPECT_EQ(status_of_chunk_line(good), 0) << good;
    }
    for (const char* bad :
         {"",
          "g",
          ";a",
          "0123456789abcdef0",
          "1 ",
          "1x",
          "1;",
          "1;a=",
          "1;=b",
          "1;a=b c",
          "1;a=\"b",
          "1;a=\"b\"c",
          "1;a;;b",
          "1 a",
          "1;a=b=c",
          "1;a ",
          "1=a"}) {
        EXPECT_EQ(status_of_chunk_line(bad), 400) << bad;
    }
}

TEST(http_line, reads_a_length_of_digits_only) {
    EXPECT_EQ(content_length_of("0"), 0U);
    EXPECT_EQ(content_length_of("18446744073709551615"), UINT64_MAX);
    for (const char* bad : {"", "18446744073709551616", "+1", "-1", "1 ", " 1", "1,1", "0x1"}) {
        EXPECT_EQ(content_length_of(bad), std::nullopt) << bad;
    }
}

TEST(http_line, reads_the_version_and_the_status_of_a_status_line) {
    http_status_line parts;
    EXPECT_FALSE(read_status_line("HTTP/1.0 404 Not Found", parts));
    EXPECT_EQ(parts.minor_version, 0);
    EXPECT_EQ(parts.status, 404);
    EXPECT_FALSE(read_status_line("HTTP/1.1 100", parts));
    EXPECT_EQ(parts.minor_version, 1);
    EXPECT_EQ(parts.status, 100);
    EXPECT_FALSE(read_status_line("HTTP/1.1 599 \t\xE9", parts));
    EXPECT_EQ(parts.status, 599);
    for (const char* bad :
         {"",
          "HTTP/1.1",
          "HTTP/1.1 ",
          "HTTP/1.1 20",
          "HTTP/1.1 2000",
          "HTTP/1.1 200OK",
          "HTTP/1.1 099",
          "HTTP/1.1 600",
          "HTTP/1.1 2:0",
          "HTTP/1.1 20/",
          "HTTP/1.1\t200",
          "HTTP/1.1 200\tOK",
          "HTTP/1.1 200 \x7F",
          "HTTX/1.1 200",
          "HTTP/11 200"}) {
        EXPECT_EQ(read_status_line(bad, parts).status, 400) << bad;
    }
    for (const char* other : {"HTTP/1.2 200 OK", "HTTP/2.0 200 OK", "HTTP/0.9 200 OK"}) {
        EXPECT_EQ(read_status_line(other, parts).status, 505) << other;
    }
}

TEST(http_line, knows_tokens_and_field_values) {
    EXPECT_TRUE(is_token("X-Name_1"));
    EXPECT_TRUE(is_field_value(""));
    EXPECT_TRUE(is_field_value(" a\tb\x80\xFF~"));
    for (const std::string_view bad : {"", "a b", "a:", "\xC3", "a\r"}) {
        EXPECT_FALSE(is_token(bad)) << bad;
    }
    for (const std::string_view bad :
         {std::string_view{"a\r"},
          std::string_view{"\n"},
          std::string_view{"\0", 1},
          std::string_view{"\x7F"},
          std::string_view{"\x1F"}}) {
        EXPECT_FALSE(is_field_value(bad)) << bad;
    }
}

TEST(http_line, splits_a_list_and_compares_in_any_case) {
    std::vector<std::string> seen;
    for_each_in_list("a, b\t,, c d ,", [&seen](std::string_view element) {
        seen.emplace_back(element);
    });
    EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "", "c d", ""}));
    EXPECT_TRUE(list_has("gzip, Chunked , x", "chunked"));
    EXPECT_TRUE(list_has("chunked,x", "CHUNKED"));
    EXPECT_FALSE(list_has("chunkedx, chunke", "chunked"));
    EXPECT_FALSE(same_text("abc", "abd"));
    EXPECT_FALSE(same_text("abc", "abcd"));
    EXPECT_EQ(trim(" \ta b\t "), "a b");
    EXPECT_EQ(trim("a"), "a");
    EXPECT_EQ(trim(" \t"), "");
    EXPECT_EQ(trim(""), "");
}

} // namespace
} // namespace msd::wire
