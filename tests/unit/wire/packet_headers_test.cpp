// SPDX-License-Identifier: Apache-2.0
#include "wire/packet.hpp"
#include "wire/packet_headers.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::wire {
namespace {

std::string written(const http_fields& fields) {
    std::string out;
    append_headers(out, fields);
    return out;
}

std::string wanted(const http_fields& of, const std::vector<std::string>& names) {
    std::string out;
    append_wanted_headers(out, of, names);
    return out;
}

TEST(packet_headers, write_repeated_fields_as_a_list_and_names_in_lower_case) {
    http_fields fields;
    fields.add("Location", "/goods/7");
    fields.add("Set-Cookie", "a=1; Path=/");
    fields.add("ETag", "\"x\"");
    fields.add("set-cookie", "b=2");
    EXPECT_EQ(
        written(fields),
        R"({"location":"/goods/7","set-cookie":["a=1; Path=/","b=2"],"etag":"\"x\""})"
    );
}

TEST(packet_headers, read_what_was_written) {
    http_fields fields;
    fields.add("set-cookie", "a=1");
    fields.add("set-cookie", "b=\xC3\xA9");
    fields.add("cache-control", "max-age=60,\tprivate");
    const auto read = read_headers(written(fields));
    EXPECT_EQ(read.refused, 0U);
    ASSERT_EQ(read.fields.size(), 3U);
    std::string all;
    for (const auto& [name, value] : read.fields) {
        all.append(name).append("=").append(value).append("\n");
    }
    EXPECT_EQ(all, "set-cookie=a=1\nset-cookie=b=\xC3\xA9\ncache-control=max-age=60,\tprivate\n");
}

TEST(packet_headers, leave_out_fields_of_the_connection_the_framing_and_the_gateway) {
    for (const char* const name :
         {"connection",
          "content-length",
          "date",
          "keep-alive",
          "proxy-authenticate",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade",
          "x-request-id"}) {
        EXPECT_FALSE(is_packet_header(name)) << name;
        const auto read = read_headers("{\"" + std::string{name} + R"(":"1","etag":"2"})");
        EXPECT_EQ(read.refused, 1U) << name;
        EXPECT_EQ(read.fields.size(), 1U) << name;
        http_fields fields;
        fields.add(name, "1");
        EXPECT_EQ(written(fields), "{}") << name;
        EXPECT_EQ(wanted(fields, {name}), "") << name;
    }
}

TEST(packet_headers, refuse_only_the_field_that_is_malformed) {
    for (const char* const bad :
         {R"("x-a":"1\r\nset-cookie: b=2")",
          R"("x-a":"1\n2")",
          R"("x-a":"\u0000")",
          R"("x-a":"\u007f")",
          R"("x-a":1)",
          R"("x-a":null)",
          R"("x-a":{"b":"c"})",
          R"("x-a":["1",2])",
          R"("X-A":"1")",
          R"("x a":"1")",
          R"("x-a:":"1")",
          R"("":"1")",
          R"("x-\u00e9":"1")"}) {
        const auto read = read_headers("{" + std::string{bad} + R"(,"etag":"\"1\""})");
        EXPECT_EQ(read.refused, 1U) << bad;
        ASSERT_TRUE(read.fields.has("etag")) << bad;
        EXPECT_EQ(*read.fields.find("etag"), "\"1\"") << bad;
    }
    EXPECT_EQ(read_headers("[]").refused, 1U);
    EXPECT_EQ(read_headers(R"({"a")").refused, 1U);
}

TEST(packet_headers, remove_white_space_around_a_value) {
    EXPECT_EQ(*read_headers(R"({"etag":" \t x y  "})").fields.find("etag"), "x y");
}

TEST(packet_headers, are_limited_in_number_and_bytes) {
    std::string many = "{\"a\":[";
    for (std::size_t i = 0; i <= packet_headers_max; ++i) {
        many += i == 0 ? "\"1\"" : ",\"1\"";
    }
    const auto read = read_headers(many + "]}");
    EXPECT_EQ(read.fields.size(), packet_headers_max);
    EXPECT_EQ(read.refused, 1U);
    const std::string half(packet_header_bytes_max / 2, 'x');
    const auto large = read_headers(R"({"a":")" + half + R"(","b":")" + half + R"(","c":"d"})");
    EXPECT_EQ(large.refused, 1U);
    EXPECT_TRUE(large.fields.has("a"));
    EXPECT_FALSE(large.fields.has("b"));
    EXPECT_TRUE(large.fields.has("c"));
}

TEST(packet_headers, of_a_request_are_those_that_the_route_wants) {
    http_fields of;
    of.add("If-None-Match", "\"7\"");
    of.add("Cookie", "a=1");
    of.add("cookie", "b=2");
    EXPECT_EQ(wanted(of, {"if-none-match"}), R"({"if-none-match":"\"7\""})");
    EXPECT_EQ(wanted(of, {"accept", "cookie"}), R"({"cookie":["a=1","b=2"]})");
    EXPECT_EQ(wanted(of, {"accept"}), "");
    EXPECT_EQ(wanted(of, {}), "");
}

TEST(packet_headers, of_a_reply_are_not_part_of_its_body) {
    std::string frame;
    reply_fields reply;
    reply.members = R"("id":7)";
    reply.status = 303;
    reply.headers = R"({"location":"/a"})";
    append_reply(frame, "5", reply);
    const std::string_view text = frame; // the packet has views into it
    packet received;
    ASSERT_TRUE(received.parse(text.substr(0, text.size() - terminator.size())));
    const auto opened = open_envelope(received);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->headers, R"({"location":"/a"})");
    EXPECT_FALSE(opened->is_stream);
    std::string body;
    for (const std::string_view piece : opened->body()) {
        body += piece;
    }
    EXPECT_EQ(body, R"({"errorcode":0,"errormessage":"success","id":7})");
}

TEST(packet_headers, and_stream_of_a_foreign_reply_are_data) {
    constexpr std::string_view frame =
        R"({"key":1,"errorcode":0,"headers":{"location":"/a"},"stream":true})";
    packet received;
    ASSERT_TRUE(received.parse(frame));
    const auto opened = open_envelope(received, reply_dialect::foreign);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->headers, "");
    EXPECT_FALSE(opened->is_stream);
    std::string body;
    for (const std::string_view piece : opened->body()) {
        body += piece;
    }
    EXPECT_EQ(body, R"({"errorcode":0,"headers":{"location":"/a"},"stream":true})");
}

TEST(packet_headers, of_another_type_are_data_also_in_a_reply_of_msd) {
    constexpr std::string_view frame = R"({"key":1,"headers":["a"],"stream":false})";
    packet received;
    ASSERT_TRUE(received.parse(frame));
    const auto opened = open_envelope(received);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->headers, "");
    EXPECT_FALSE(opened->is_stream);
    std::string body;
    for (const std::string_view piece : opened->body()) {
        body += piece;
    }
    EXPECT_EQ(body, R"({"headers":["a"],"stream":false})");
}

TEST(packet_headers, are_sent_in_requests_to_msd_nodes_only) {
    request_fields request;
    request.method = "GET";
    request.uri = "/a";
    request.headers = R"({"accept":"text/html"})";
    std::string out;
    append_request(out, request, 3);
    EXPECT_EQ(
        out,
        R"({"uri":"/a","method":"GET","key":3,"headers":{"accept":"text/html"},"params":{}}¶)"
    );
    out.clear();
    append_foreign_request(out, request, 3);
    EXPECT_EQ(out, R"({"uri":"/a","method":"GET","key":3,"params":{"key":3}}¶)");
}

} // namespace
} // namespace msd::wire
