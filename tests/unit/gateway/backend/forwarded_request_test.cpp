// SPDX-License-Identifier: Apache-2.0
#include "gateway/backend/forwarded_request.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::gateway {
namespace {

wire::http_request request() {
    wire::http_request out;
    out.method = "GET";
    out.target = "/api/x?y=1";
    out.headers.add("Host", "shop.example");
    out.headers.add("Accept", "*/*");
    return out;
}

forwarded_request usual(const wire::http_request& head) {
    forwarded_request out{head};
    out.target = "/x?y=1";
    out.host = "shop.example";
    out.peer = "192.0.2.7";
    out.client_host = "shop.example";
    return out;
}

std::string text_of(const forwarded_request& what) {
    std::string out;
    append_request_head(out, what);
    return out;
}

bool has_line(const forwarded_request& what, const std::string& line) {
    return text_of(what).find("\r\n" + line + "\r\n") != std::string::npos;
}

TEST(forwarded_request, writes_the_fields_of_the_client_and_what_the_gateway_knows_of_it) {
    const auto head = request();
    auto what = usual(head);
    what.request_id = "id-1";
    what.trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    EXPECT_EQ(
        text_of(what),
        "GET /x?y=1 HTTP/1.1\r\n"
        "Host: shop.example\r\n"
        "Accept: */*\r\n"
        "X-Forwarded-For: 192.0.2.7\r\n"
        "X-Forwarded-Proto: http\r\n"
        "X-Forwarded-Host: shop.example\r\n"
        "X-Request-Id: id-1\r\n"
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
        "\r\n"
    );
}

TEST(forwarded_request, replaces_what_an_unknown_client_says_of_itself) {
    auto head = request();
    head.headers.add("X-Forwarded-For", "10.0.0.1");
    head.headers.add("x-forwarded-proto", "https");
    head.headers.add("X-FORWARDED-HOST", "evil.example");
    head.headers.add("X-Forwarded-Prefix", "/evil");
    head.headers.add("X-Real-IP", "10.0.0.1");
    head.headers.add("Forwarded", "for=10.0.0.1");
    head.headers.add("X-Request-Id", "evil");
    head.headers.add("Traceparent", "evil");
    const std::string text = text_of(usual(head));
    EXPECT_EQ(text.find("10.0.0.1"), std::string::npos) << text;
    EXPECT_EQ(text.find("evil"), std::string::npos) << text;
    EXPECT_EQ(text.find("https"), std::string::npos) << text;
    EXPECT_TRUE(has_line(usual(head), "X-Forwarded-For: 192.0.2.7"));
}

TEST(forwarded_request, leaves_out_names_that_programs_take_for_these) {
    auto head = request();
    head.headers.add("X_Forwarded_For", "10.0.0.1");
    head.headers.add("x-forwarded_proto", "evil");
    head.headers.add("X_Real_IP", "10.0.0.1");
    head.headers.add("X_Request_Id", "evil");
    head.headers.add("X_Other", "kept");
    auto what = usual(head);
    for (const bool is_trusted : {false, true}) {
        what.is_proxy_trusted = is_trusted;
        const std::string text = text_of(what);
        EXPECT_EQ(text.find("10.0.0.1"), std::string::npos) << text;
        EXPECT_EQ(text.find("evil"), std::string::npos) << text;
        EXPECT_TRUE(has_line(what, "X_Other: kept"));
    }
}

TEST(forwarded_request, completes_what_a_trusted_proxy_says) {
    auto head = request();
    head.headers.add("X-Forwarded-For", "198.51.100.1, 10.0.0.1");
    head.headers.add("X-Forwarded-For", "10.0.0.2");
    head.headers.add("X-Forwarded-Port", "443");
    head.headers.add("X-Real-IP", "198.51.100.1");
    head.headers.add("Forwarded", "for=198.51.100.1");
    auto what = usual(head);
    what.is_proxy_trusted = true;
    what.client_scheme = "https";
    EXPECT_TRUE(has_line(what, "X-Forwarded-For: 198.51.100.1, 10.0.0.1, 10.0.0.2, 192.0.2.7"));
    EXPECT_TRUE(has_line(what, "X-Forwarded-Proto: https"));
    EXPECT_TRUE(has_line(what, "X-Forwarded-Port: 443"));
    EXPECT_TRUE(has_line(what, "X-Real-IP: 198.51.100.1"));
    EXPECT_TRUE(has_line(what, "Forwarded: for=198.51.100.1"));
    what.adds_forwarded = true;
    EXPECT_TRUE(has_line(
        what,
        "Forwarded: for=198.51.100.1, for=192.0.2.7;proto=https;host=\"shop.example\""
    ));
}

TEST(forwarded_request, quotes_ipv6_addresses_in_forwarded) {
    const auto head = request();
    auto what = usual(head);
    what.adds_forwarded = true;
    what.peer = "2001:db8::1";
    EXPECT_TRUE(has_line(what, "Forwarded: for=\"[2001:db8::1]\";proto=http;host=\"shop.example\"")
    );
    what.client_host = "a\"b";
    EXPECT_TRUE(has_line(what, "Forwarded: for=\"[2001:db8::1]\";proto=http"));
}

TEST(forwarded_request, frames_the_body_itself) {
    auto head = request();
    head.method = "POST";
    head.headers.add("Expect", "100-continue");
    auto what = usual(head);
    what.content_length = 18'446'744'073'709'551'615U;
    EXPECT_TRUE(has_line(what, "Content-Length: 18446744073709551615"));
    EXPECT_EQ(text_of(what).find("Expect"), std::string::npos);
    what.is_chunked = true;
    what.expects_continue = true;
    EXPECT_TRUE(has_line(what, "Transfer-Encoding: chunked"));
    EXPECT_TRUE(has_line(what, "Expect: 100-continue"));
    EXPECT_EQ(text_of(what).find("Content-Length"), std::string::npos);
}

TEST(forwarded_request, asks_for_an_upgrade_and_for_trailers_in_fields_of_this_connection) {
    auto head = request();
    head.te_trailers = true;
    EXPECT_TRUE(has_line(usual(head), "TE: trailers\r\nConnection: TE"));
    head.headers.add("HTTP2-Settings", "AAMAAABk");
    EXPECT_EQ(text_of(usual(head)).find("HTTP2-Settings"), std::string::npos);
    head.upgrade = "websocket";
    EXPECT_FALSE(has_line(usual(head), "Upgrade: websocket"));
    auto what = usual(head);
    what.upgrades = true;
    EXPECT_TRUE(has_line(what, "Upgrade: websocket\r\nConnection: Upgrade"));
}

TEST(forwarded_request, takes_the_host_of_a_target_in_absolute_form) {
    auto head = request();
    EXPECT_EQ(requested_host(head), "shop.example");
    head.target = "http://other.example:8080/x";
    EXPECT_EQ(requested_host(head), "other.example:8080");
    head.target = "*";
    head.method = "OPTIONS";
    EXPECT_EQ(requested_host(head), "shop.example");
    head.headers.clear();
    EXPECT_EQ(requested_host(head), "");
}

} // namespace
} // namespace msd::gateway
