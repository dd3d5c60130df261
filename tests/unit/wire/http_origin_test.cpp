// SPDX-License-Identifier: Apache-2.0
#include "wire/http_origin.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

TEST(http_origin, is_scheme_host_and_port) {
    const auto read = read_origin("https://shop.example:8443");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->scheme, "https");
    EXPECT_EQ(read->host, "shop.example:8443");
    EXPECT_EQ(read->default_port, 443);
    EXPECT_EQ(read_origin("HTTP://[::1]:80")->default_port, 80);
    EXPECT_EQ(read_origin("chrome-extension://abcdef")->default_port, 0);
}

TEST(http_origin, is_nothing_else) {
    const std::string long_name(origin_bytes_max, 'a');
    for (const std::string& wrong :
         {std::string{"null"},
          std::string{""},
          std::string{"https://"},
          std::string{"://shop.example"},
          std::string{"1http://shop.example"},
          std::string{"ht tp://shop.example"},
          std::string{"https:/shop.example"},
          std::string{"https://shop.example/"},
          std::string{"https://shop.example/path"},
          std::string{"https://user@shop.example"},
          std::string{"https://a.example https://b.example"},
          std::string{"https://shop.example:8x"},
          "https://" + long_name}) {
        EXPECT_FALSE(read_origin(wrong)) << wrong;
    }
    EXPECT_TRUE(read_origin("a://" + std::string(origin_bytes_max - 4, 'b')));
}

TEST(http_origin, compares_scheme_host_and_port) {
    EXPECT_TRUE(is_same_origin("https://shop.example", "HTTPS://Shop.Example:443"));
    EXPECT_TRUE(is_same_origin("http://[::1]", "http://[0:0::1]:80"));
    EXPECT_FALSE(is_same_origin("https://shop.example", "http://shop.example"));
    EXPECT_FALSE(is_same_origin("https://shop.example", "https://shop.example:80"));
    EXPECT_FALSE(is_same_origin("https://shop.example", "https://evil.example"));
    EXPECT_FALSE(is_same_origin("null", "null"));
}

TEST(http_origin, is_that_of_the_host_with_the_port_of_its_scheme) {
    EXPECT_TRUE(is_from_host("http://shop.example", "shop.example"));
    EXPECT_TRUE(is_from_host("http://shop.example", "shop.example:80"));
    EXPECT_TRUE(is_from_host("https://shop.example", "SHOP.example:443"));
    EXPECT_TRUE(is_from_host("http://127.0.0.1:8000", "127.0.0.1:8000"));
    EXPECT_FALSE(is_from_host("http://shop.example:8000", "shop.example"));
    EXPECT_FALSE(is_from_host("http://shop.example", "shop.example.evil"));
    EXPECT_FALSE(is_from_host("null", "null"));
    EXPECT_FALSE(is_from_host("http://shop.example", ""));
    EXPECT_FALSE(is_from_host("app://shop.example", "shop.example")) << "not a page of a server";
}

} // namespace
} // namespace msd::wire
