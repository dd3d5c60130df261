// SPDX-License-Identifier: Apache-2.0
#include "core/advertised_host.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

TEST(advertised_host, accepts_addresses_of_one_machine_and_host_names) {
    for (const std::string host : {
             "127.0.0.1",       "10.0.0.7",    "223.255.255.255",       "::1",
             "fec0::1%eth0",    "2001:db8::7", "2001:db8:0:0:0:0:0:7",  "1:2:3:4:5:6:1.2.3.4",
             "::ffff:10.0.0.7", "::10.0.0.7",  "1:2:3:4:5:6:7::",       "localhost",
             "node-1",          "node_1",      "Goods.Example.COM",     "goods.example.com.",
             "1node.example",   "3com",        "xn--bcher-kva.example", "db.local.",
             "3.pool.example",
         }) {
        const auto checked = check_advertised_host(host);
        EXPECT_TRUE(checked) << host << ": " << (checked ? "" : checked.error().text);
    }
}

TEST(advertised_host, refuses_an_address_that_stands_for_every_address_of_a_machine) {
    for (const std::string host :
         {"0.0.0.0",
          "0.1.2.3",
          "::",
          "0::",
          "0:0:0:0:0:0:0:0",
          "::0.0.0.0",
          "::ffff:0:0",
          "::%lo"}) {
        const auto checked = check_advertised_host(host);
        ASSERT_FALSE(checked) << host;
        EXPECT_EQ(checked.error().code, errc::invalid);
        EXPECT_NE(checked.error().text.find("every address of a machine"), std::string::npos);
    }
}

TEST(advertised_host, refuses_a_link_local_address) {
    for (const std::string host :
         {"169.254.0.0",
          "169.254.169.254",
          "169.254.255.255",
          "::ffff:169.254.1.2",
          "::ffff:a9fe:1",
          "fe80::",
          "fe80::1%eth0",
          "FE80::1%br-0.1_A9",
          "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
        const auto checked = check_advertised_host(host);
        ASSERT_FALSE(checked) << host;
        EXPECT_EQ(checked.error().code, errc::invalid);
        EXPECT_NE(checked.error().text.find("link-local"), std::string::npos) << host;
    }
    for (const char* near :
         {"169.253.255.255", "169.255.0.0", "168.254.1.1", "fec0::", "fe7f::1"}) {
        EXPECT_TRUE(check_advertised_host(near)) << near;
    }
}

TEST(advertised_host, refuses_an_address_of_many_machines) {
    for (const std::string host : {"224.0.0.1", "255.255.255.255", "ff02::1", "::ffff:224.0.0.1"}) {
        const auto checked = check_advertised_host(host);
        ASSERT_FALSE(checked) << host;
        EXPECT_NE(checked.error().text.find("not the address of one machine"), std::string::npos);
    }
}

TEST(advertised_host, refuses_a_text_that_is_neither_an_address_nor_a_host_name) {
    const std::string long_label(64, 'a');
    std::string long_name = "a";
    while (long_name.size() <= 253) {
        long_name += ".a";
    }
    for (const std::string& host : {
             std::string{},
             std::string{"node 1"},
             std::string{"-x"},
             std::string{"x-"},
             std::string{"a..b"},
             std::string{"."},
             std::string{".a"},
             std::string{"a,b"},
             std::string{"a/b"},
             std::string{"http://a"},
             std::string{"a:80"},
             std::string{"[::1]"},
             std::string{"10.0.0.7:9010"},
             std::string{"a\nb"},
             std::string{"b\xC3\xBC"
                         "cher"},
             std::string{"1"},
             std::string{"127.1"},
             std::string{"10.0.0.256"},
             std::string{"10.0.0.07"},
             std::string{"10.0.0.0x7"},
             std::string{"1.2.3.4.5"},
             std::string{":::"},
             std::string{"1::2::3"},
             std::string{"1:2:3:4:5:6:7:8:9"},
             std::string{"1:2:3:4:5:6:7::8"},
             std::string{"12345::"},
             std::string{"g::"},
             std::string{"1.2.3.4::"},
             std::string{"fe80::1%"},
             std::string{"fe80::1%eth 0"},
             std::string{"fe80::1%sixteen-letters-"},
             std::string{"1.2.3.4%eth0"},
             std::string{"%eth0"},
             std::string{"::1:2:3::4"},
             std::string{"1:2:3:4:5:6:7:"},
             std::string{"256.1.1.1"},
             std::string{"10.0.0"},
             std::string{"0x0"},
             std::string{"127.0X1"},
             std::string{"0x"},
             std::string{"a@b"},
             std::string{"*"},
             std::string{"127.0.0.1\0x", 11},
             std::string{"::1\0x", 5},
             std::string{"node\0", 5},
             long_label,
             long_name,
         }) {
        const auto checked = check_advertised_host(host);
        ASSERT_FALSE(checked) << host;
        EXPECT_EQ(checked.error().code, errc::invalid);
        EXPECT_NE(checked.error().text.find("neither"), std::string::npos) << host;
    }
}

TEST(advertised_host, accepts_names_and_zones_up_to_their_longest) {
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
    EXPECT_TRUE(check_advertised_host(longest));
    EXPECT_TRUE(check_advertised_host(longest + "."));
    EXPECT_FALSE(check_advertised_host(longest + "b"));
    EXPECT_TRUE(check_advertised_host("fd00::1%" + std::string(15, 'z')));
    EXPECT_TRUE(check_advertised_host("fd00::1%br-0.1_A9"));
    EXPECT_FALSE(check_advertised_host("fd00::1%" + std::string(16, 'z')));
}

TEST(advertised_host, accepts_the_addresses_at_the_ends_of_each_range) {
    for (const char* one_machine :
         {"1.0.0.0",
          "10.0.0.255",
          "100.200.9.0",
          "feff:ffff::1",
          "1:2:3:4:5:6:7:8",
          "1:2:3:4:5:6:7::",
          "::3:4:5:6:7:8:9",
          "::1:ffff:0:0",
          "::fffe:0:0",
          "::ffff:0100:0",
          "afAF:09::",
          "a.0x1g",
          "a.1b",
          "AZaz09-_.az"}) {
        EXPECT_TRUE(check_advertised_host(one_machine)) << one_machine;
    }
    for (const char* many : {"224.0.0.0", "ff00::", "FFFF::1", "::ffff:e000:1"}) {
        const auto checked = check_advertised_host(many);
        ASSERT_FALSE(checked) << many;
        EXPECT_NE(checked.error().text.find("not the address of one machine"), std::string::npos);
    }
}

TEST(advertised_host, refuses_characters_next_to_those_that_are_allowed) {
    for (const char* bad :
         {"a@b",
          "a[b",
          "a`b",
          "a{b",
          "a/b",
          "a:b",
          "::`",
          "::@",
          "::G",
          "::g",
          "::/",
          "fe80::1%a/b",
          "10.0.0.1000",
          "0010.0.0.1",
          "1.2.3",
          "1.2.3.",
          "a.0x",
          "a.0X1f",
          "a.7",
          "1:2:3:4:5:6:7",
          "1:2:3:4:1.2.3.4:5:6",
          "1:2:3:4:5:6:7:1.2.3.4",
          "::12345",
          "::1.2.3.4:5",
          "::ffff:1.2.3.256"}) {
        const auto checked = check_advertised_host(bad);
        ASSERT_FALSE(checked) << bad;
        EXPECT_NE(checked.error().text.find("neither"), std::string::npos) << bad;
    }
}

} // namespace
} // namespace msd::core
