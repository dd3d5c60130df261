// SPDX-License-Identifier: Apache-2.0
#include "wire/http_host.hpp"

#include <gtest/gtest.h>

namespace msd::wire {
namespace {

TEST(http_host, is_a_name_or_an_address_with_an_optional_port) {
    for (const char* good :
         {"h",
          "a.b-c_d~e",
          "h:80",
          "h:",
          "h:00080",
          "h:123456",
          "1.2.3.4",
          "1.2.3.4:8000",
          "999.1.2.3.4",
          "h%7A",
          "%E9%20",
          "a!$&'()*+,;=b",
          "[::]",
          "[::1]:8000",
          "[1:2:3:4:5:6:7:8]",
          "[1::8]",
          "[::2:3:4:5:6:7:8]",
          "[1:2:3:4:5:6:7::]",
          "[ABCD:ef01::]",
          "[::ffff:1.2.3.4]:80",
          "[1:2:3:4:5:6:1.2.3.4]",
          "[v1.a]",
          "[VF0.a:b!~]:1"}) {
        EXPECT_TRUE(is_host(good)) << good;
    }
}

TEST(http_host, is_refused_in_every_other_form) {
    for (const char* bad :
         {"",
          ":80",
          "a b",
          "a/b",
          "a@b",
          "a:b",
          "a:80:1",
          "a:-1",
          "a: 80",
          "a\"b",
          "h%",
          "h%z",
          "h%zz",
          "h%4",
          "h%4g",
          "\xC3\xA9",
          "::1",
          "[::1",
          "::1]",
          "[]",
          "[]:80",
          "[:]",
          "[:::]",
          "[:::::::1.2.3.4.5]:8000",
          "[1]",
          "[1:2:3:4:5:6:7]",
          "[1:2:3:4:5:6:7:8:9]",
          "[1:2:3:4:5:6:7:8::]",
          "[1::2::3]",
          "[12345::]",
          "[1:]",
          "[:1]",
          "[1:2:3:4:5:6:7:]",
          "[g::]",
          "[1.2.3.4]",
          "[::1.2.3]",
          "[::1.2.3.256]",
          "[::1.2.3.04]",
          "[::1.2.3.4.5]",
          "[::1.2.3.4:5]",
          "[1:2:3:4:5:6:7:1.2.3.4]",
          "[::1%25eth0]",
          "[fe80::1%eth0]",
          "[::1]x",
          "[::1]:8a",
          "[[::1]]",
          "[v1]",
          "[v1.]",
          "[v.a]",
          "[vg.a]",
          "[v1.a/b]"}) {
        EXPECT_FALSE(is_host(bad)) << bad;
    }
}

TEST(http_host, compares_without_case_and_with_the_default_port) {
    EXPECT_TRUE(is_same_host("H", "h", 80));
    EXPECT_TRUE(is_same_host("h:80", "h", 80));
    EXPECT_TRUE(is_same_host("h", "h:0080", 80));
    EXPECT_TRUE(is_same_host("h:", "h:443", 443));
    EXPECT_TRUE(is_same_host("[::1]", "[0:0:0:0:0:0:0:1]:80", 80));
    EXPECT_TRUE(is_same_host("[::ffff:1.2.3.4]", "[::FFFF:102:304]", 80));
    EXPECT_FALSE(is_same_host("h:8000", "h", 80));
    EXPECT_FALSE(is_same_host("h", "i", 80));
    EXPECT_FALSE(is_same_host("[::1]", "[::2]", 80));
    EXPECT_FALSE(is_same_host("[::1]", "::1", 80));
    EXPECT_FALSE(is_same_host("[v1.a]", "[v1.b]", 80));
}

TEST(http_host, has_addresses_and_escapes_of_exactly_the_right_form) {
    for (const char* good :
         {"%7A%7a%00",
          "a%2F",
          "[::255.255.255.255]",
          "[::0.10.200.9]",
          "[v1.a:b]",
          "[vAf.:]",
          "[1:2:3:4:5::8]",
          "[::ffff]",
          "[abcd:ABCD:0:9::]",
          "h:0"}) {
        EXPECT_TRUE(is_host(good)) << good;
    }
    for (const char* bad :
         {"\"a",
          " b",
          "%zb",
          "%7A%",
          "%7A%7",
          "a%g0",
          "[::256.1.1.1]",
          "[::1.256.1.1]",
          "[::1.1.1.1000]",
          "[::00.1.1.1]",
          "[::1.1.1.]",
          "[::1.1.1.1.]",
          "[::.1.1.1]",
          "[1.2.3.4::]",
          "[::10000]",
          "[v1.a@]",
          "[1.a]",
          "[vv1.a]",
          "[v1a]",
          "[1:2:3:4:5:6:7:8:]",
          "[1:2:3:4:5:6:7]:80",
          "[::1]:/",
          "h:/",
          "h::"}) {
        EXPECT_FALSE(is_host(bad)) << bad;
    }
}

TEST(http_host, is_equal_when_every_group_of_the_address_is_equal) {
    EXPECT_TRUE(is_same_host("[1:2:3:4:5:6:7:8]", "[01:02:03:04:05:06:0007:8]", 80));
    EXPECT_TRUE(is_same_host("[1:2::7:8]", "[1:2:0:0:0:0:7:8]", 80));
    EXPECT_TRUE(is_same_host("[::]", "[0:0::0]", 80));
    EXPECT_TRUE(is_same_host("[1::]", "[1:0:0:0:0:0:0:0]", 80));
    EXPECT_TRUE(is_same_host("[64::1.2.3.4]", "[64::102:304]", 80));
    EXPECT_TRUE(is_same_host("[v1.a]:80", "[V1.A]", 80));
    EXPECT_TRUE(is_same_host("h:00", "h:0", 80));
    for (const char* other :
         {"[9:2:3:4:5:6:7:8]",
          "[1:2:3:9:5:6:7:8]",
          "[1:2:3:4:5:6:7:9]",
          "[1:2:3:4:5:6:7:8]:81",
          "[1::8]",
          "h",
          "[1:2:3:4:5:6:7:8"}) {
        EXPECT_FALSE(is_same_host("[1:2:3:4:5:6:7:8]", other, 80)) << other;
        EXPECT_FALSE(is_same_host(other, "[1:2:3:4:5:6:7:8]", 80)) << other;
    }
    EXPECT_FALSE(is_same_host("[64::1.2.3.4]", "[64::102:305]", 80));
    EXPECT_FALSE(is_same_host("[64::1.2.3.4]", "[64::103:304]", 80));
    EXPECT_FALSE(is_same_host("h", "h:0", 80));
    EXPECT_FALSE(is_same_host("h", "h:x", 80));
}

} // namespace
} // namespace msd::wire
