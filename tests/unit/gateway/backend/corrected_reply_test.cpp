// SPDX-License-Identifier: Apache-2.0
#include "gateway/backend/corrected_reply.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::gateway {
namespace {

// "=": the value is right as it is.
std::string location(std::string_view value, const reply_addresses& known) {
    return corrected_location(value, known).value_or("=");
}

std::string cookie(std::string_view value, std::string_view stripped) {
    return corrected_cookie(value, stripped).value_or("=");
}

constexpr reply_addresses stripped{"/api", "shop.example", "shop.example", "127.0.0.1:8081"};
constexpr reply_addresses renamed{"", "127.0.0.1:8081", "shop.example", "127.0.0.1:8081"};

TEST(corrected_reply, puts_the_stripped_prefix_before_a_path) {
    EXPECT_EQ(location("/login?next=/x", stripped), "/api/login?next=/x");
    EXPECT_EQ(location("/", stripped), "/api/");
    EXPECT_EQ(location("/login", renamed), "=");
}

TEST(corrected_reply, leaves_relative_references_and_other_schemes) {
    for (const char* const value : {"next", "../x", "?page=2", "#top", "", "mailto:a@b.example"}) {
        EXPECT_EQ(location(value, stripped), "=") << value;
    }
}

TEST(corrected_reply, puts_the_prefix_into_urls_of_the_host_that_the_client_asked_for) {
    EXPECT_EQ(location("http://shop.example/x", stripped), "http://shop.example/api/x");
    EXPECT_EQ(location("HTTPS://Shop.Example/x", stripped), "HTTPS://Shop.Example/api/x");
    EXPECT_EQ(location("http://shop.example", stripped), "http://shop.example/api/");
    EXPECT_EQ(location("http://shop.example?a=1", stripped), "http://shop.example/api/?a=1");
    EXPECT_EQ(location("http://shop.example/x", renamed), "=");
}

TEST(corrected_reply, turns_urls_of_the_programs_own_address_into_paths) {
    EXPECT_EQ(location("http://127.0.0.1:8081/x?y#z", renamed), "/x?y#z");
    EXPECT_EQ(location("http://127.0.0.1:8081/x", stripped), "/api/x");
    EXPECT_EQ(location("http://127.0.0.1:8081", renamed), "/");
}

TEST(corrected_reply, makes_no_path_that_names_another_host) {
    EXPECT_EQ(location("http://127.0.0.1:8081//evil.example/", renamed), "/.//evil.example/");
    EXPECT_EQ(location("http://127.0.0.1:8081/\\evil.example", renamed), "/./\\evil.example");
    EXPECT_EQ(location("http://127.0.0.1:8081/\t/evil.example", renamed), "/./\t/evil.example");
    EXPECT_EQ(location("http://127.0.0.1:8081//evil.example/", stripped), "/api//evil.example/");
}

TEST(corrected_reply, leaves_urls_of_other_hosts) {
    EXPECT_EQ(location("http://login.example/x", stripped), "=");
    EXPECT_EQ(location("//shop.example/x", stripped), "=");
    EXPECT_EQ(location("http://shop.example.evil.example/x", stripped), "=");
    EXPECT_EQ(location("http://shop.example:8080/x", stripped), "=");
}

TEST(corrected_reply, puts_the_stripped_prefix_before_the_path_of_a_cookie) {
    EXPECT_EQ(cookie("a=1; Path=/", "/api"), "a=1; Path=/api/");
    EXPECT_EQ(cookie("a=1; path = /x ; Secure", "/api"), "a=1; path = /api/x ; Secure");
    EXPECT_EQ(cookie("a=1;Path=/x;HttpOnly", "/api"), "a=1;Path=/api/x;HttpOnly");
}

TEST(corrected_reply, takes_the_last_path_of_a_cookie_as_browsers_do) {
    EXPECT_EQ(cookie("a=1; Path=/x; Path=/y", "/api"), "a=1; Path=/x; Path=/api/y");
    EXPECT_EQ(cookie("a=1; Path=/x; Path=y", "/api"), "=");
}

TEST(corrected_reply, leaves_cookies_without_a_path_and_values_that_look_like_one) {
    EXPECT_EQ(cookie("a=1; Secure", "/api"), "=");
    EXPECT_EQ(cookie("a=Path=/x", "/api"), "=");
    EXPECT_EQ(cookie("a=1; Path=/x", ""), "=");
    EXPECT_EQ(cookie("Path=/x", "/api"), "=");
    EXPECT_EQ(cookie("__Host-a=1; Secure; Path=/", "/api"), "=");
}

TEST(corrected_reply, changes_only_these_fields_and_keeps_their_order) {
    wire::http_fields fields;
    fields.add("Set-Cookie", "a=1; Path=/");
    fields.add("X-Path", "/x");
    fields.add("Set-Cookie", "b=2; Path=/b");
    fields.add("LOCATION", "/y");
    correct_reply(fields, stripped);
    ASSERT_EQ(fields.size(), 4U);
    EXPECT_EQ(fields[0].value, "a=1; Path=/api/");
    EXPECT_EQ(fields[1].value, "/x");
    EXPECT_EQ(fields[2].value, "b=2; Path=/api/b");
    EXPECT_EQ(fields[3].value, "/api/y");
}

} // namespace
} // namespace msd::gateway
