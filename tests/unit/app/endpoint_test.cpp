// SPDX-License-Identifier: Apache-2.0
#include "app/endpoint.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::app {
namespace {

std::string read(std::string_view text, endpoint_port port) {
    const auto made = parse_endpoint(text, port);
    return made ? made->host + " " + std::to_string(made->port) : made.error().text;
}

TEST(parse_endpoint, reads_names_and_addresses) {
    EXPECT_EQ(read("db.local:9000", endpoint_port::required), "db.local 9000");
    EXPECT_EQ(read("10.0.0.1:1", endpoint_port::required), "10.0.0.1 1");
    EXPECT_EQ(read("[fd00::1]:65535", endpoint_port::required), "fd00::1 65535");
}

TEST(parse_endpoint, returns_port_zero_when_an_optional_port_is_missing) {
    EXPECT_EQ(read("db.local", endpoint_port::optional), "db.local 0");
    EXPECT_EQ(read("[::1]", endpoint_port::optional), "::1 0");
}

TEST(parse_endpoint, writes_mapped_addresses_as_ipv4) {
    EXPECT_EQ(read("[::ffff:10.0.0.1]:80", endpoint_port::required), "10.0.0.1 80");
    EXPECT_EQ(read("[::FFFF:a00:1]:80", endpoint_port::required), "10.0.0.1 80");
}

TEST(parse_endpoint, keeps_the_zone_of_an_ipv6_address) {
    EXPECT_EQ(read("[fe80::1%eth0]:80", endpoint_port::required), "fe80::1%eth0 80");
}

TEST(parse_endpoint, refuses_brackets_without_an_ipv6_address) {
    for (const char* text : {"[db.local]", "[10.0.0.1]", "[]", "[::f0000fff:1.2.3.4]", "[::1%]"}) {
        EXPECT_EQ(
            read(text, endpoint_port::optional),
            "\"" + std::string{text} + "\": the text in brackets is not an IPv6 address"
        );
    }
}

TEST(endpoint_text, survives_a_round_trip_through_parse_endpoint) {
    for (const char* text : {"db.local", "db.local:80", "[fd00::1]", "[fd00::1]:80", "10.0.0.1"}) {
        const auto made = parse_endpoint(text, endpoint_port::optional);
        ASSERT_TRUE(made.has_value()) << text;
        EXPECT_EQ(endpoint_text(*made), text);
    }
}

TEST(parse_endpoint, refuses_malformed_endpoints) {
    EXPECT_EQ(read("db.local", endpoint_port::required), "\"db.local\" is not HOST:PORT");
    EXPECT_EQ(read(":80", endpoint_port::required), "\":80\" is not HOST:PORT");
    EXPECT_EQ(read("a:", endpoint_port::optional), "\"a:\" is not HOST or HOST:PORT");
    EXPECT_EQ(read("a:0", endpoint_port::required), "\"a:0\" is not HOST:PORT");
    EXPECT_EQ(read("a:65536", endpoint_port::required), "\"a:65536\" is not HOST:PORT");
    EXPECT_EQ(read("a:8x", endpoint_port::required), "\"a:8x\" is not HOST:PORT");
    EXPECT_EQ(read("[::1]80", endpoint_port::optional), "\"[::1]80\" is not HOST or HOST:PORT");
    EXPECT_EQ(read("", endpoint_port::optional), "\"\" is not HOST or HOST:PORT");
}

TEST(parse_endpoint, accepts_an_ipv6_address_without_brackets_and_port) {
    EXPECT_EQ(read("fd00::1", endpoint_port::optional), "fd00::1 0");
    EXPECT_EQ(read("::ffff:10.0.0.1", endpoint_port::optional), "10.0.0.1 0");
}

TEST(parse_endpoint, says_what_to_write_instead_of_a_url) {
    EXPECT_EQ(
        read("tcp://h:9000", endpoint_port::required),
        "\"tcp://h:9000\" is a URL, not HOST:PORT: write h:9000"
    );
    EXPECT_EQ(
        read("http://[::1]:9000/x", endpoint_port::required),
        "\"http://[::1]:9000/x\" is a URL, not HOST:PORT: write [::1]:9000"
    );
    EXPECT_EQ(read("tcp://h", endpoint_port::required), "\"tcp://h\" is not HOST:PORT");
    EXPECT_EQ(read("tcp://", endpoint_port::optional), "\"tcp://\" is not HOST or HOST:PORT");
}

TEST(parse_endpoint, asks_for_brackets_around_ipv6) {
    EXPECT_EQ(read("::1:80", endpoint_port::required), "\"::1:80\": write [ADDRESS]:PORT for IPv6");
    EXPECT_EQ(read("[::1", endpoint_port::required), "\"[::1\" lacks a ']'");
}

} // namespace
} // namespace msd::app
