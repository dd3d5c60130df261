// SPDX-License-Identifier: Apache-2.0
#include "gateway/client_identity.hpp"

#include <gtest/gtest.h>
#include <initializer_list>
#include <string>

namespace msd::gateway {
namespace {

struct field {
    const char* name;
    const char* value;
};

std::string shown(
    std::initializer_list<field> fields,
    const char* trusted = "10.0.0.0/8, ::1",
    const std::string& peer = "10.0.0.1"
) {
    wire::http_request head;
    head.method = "GET";
    head.target = "/";
    head.headers.add("Host", "gateway:80");
    for (const field& each : fields) {
        head.headers.add(each.name, each.value);
    }
    const auto list = core::address_list::parse(trusted);
    const client_identity who = identify_client(head, peer, *list);
    return who.scheme + "://" + who.host + " " + who.address +
           (who.is_proxy_trusted ? " trusted" : "");
}

TEST(client_identity, believes_only_trusted_proxies) {
    const std::initializer_list<field> fields{
        {"X-Forwarded-For", "192.0.2.1"},
        {"X-Forwarded-Proto", "https"},
        {"X-Forwarded-Host", "shop.example"}};
    EXPECT_EQ(shown(fields), "https://shop.example 192.0.2.1 trusted");
    EXPECT_EQ(shown(fields, "10.0.0.0/8", "11.0.0.1"), "http://gateway:80 11.0.0.1");
    EXPECT_EQ(shown(fields, "", "10.0.0.1"), "http://gateway:80 10.0.0.1");
}

TEST(client_identity, takes_the_last_address_that_is_no_trusted_proxy) {
    EXPECT_EQ(
        shown({{"X-Forwarded-For", "1.1.1.1, 192.0.2.1"}, {"X-Forwarded-For", "10.9.9.9 ,10.1.1.1"}}
        ),
        "http://gateway:80 192.0.2.1 trusted"
    );
    EXPECT_EQ(
        shown({{"X-Forwarded-For", "10.2.2.2, 10.1.1.1"}}),
        "http://gateway:80 10.2.2.2 trusted"
    );
    EXPECT_EQ(
        shown({{"X-Forwarded-For", "[2001:DB8::0:1]:99, ::ffff:10.1.1.1"}}),
        "http://gateway:80 2001:db8::1 trusted"
    );
}

TEST(client_identity, stops_at_what_is_no_address) {
    EXPECT_EQ(
        shown({{"X-Forwarded-For", "192.0.2.1, unknown, 10.1.1.1"}}),
        "http://gateway:80 10.1.1.1 trusted"
    );
    EXPECT_EQ(shown({{"X-Forwarded-For", "1.2.3.4.5"}}), "http://gateway:80 10.0.0.1 trusted");
    EXPECT_EQ(shown({{"X-Forwarded-For", ""}}), "http://gateway:80 10.0.0.1 trusted");
}

TEST(client_identity, reads_forwarded_when_there_are_no_x_fields) {
    EXPECT_EQ(
        shown({{"Forwarded", "for=192.0.2.7, for=\"[2001:db8::7]\";proto=https;host=\"a.example\""}}
        ),
        "https://a.example 2001:db8::7 trusted"
    );
    EXPECT_EQ(shown({{"Forwarded", "for=\"192.0.2.7"}}), "http://gateway:80 10.0.0.1 trusted");
    EXPECT_EQ(
        shown({{"Forwarded", "for=192.0.2.7"}, {"X-Forwarded-For", "192.0.2.8"}}),
        "http://gateway:80 192.0.2.8 trusted"
    );
}

TEST(client_identity, ignores_a_scheme_and_a_host_that_cannot_be) {
    EXPECT_EQ(
        shown({{"X-Forwarded-Proto", "gopher"}, {"X-Forwarded-Host", "a b"}}),
        "http://gateway:80 10.0.0.1 trusted"
    );
    EXPECT_EQ(
        shown({{"X-Forwarded-Proto", "http, HTTPS"}, {"X-Forwarded-Host", "a, b.example:8080"}}),
        "https://b.example:8080 10.0.0.1 trusted"
    );
}

} // namespace
} // namespace msd::gateway
