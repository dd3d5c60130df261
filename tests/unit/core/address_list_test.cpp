// SPDX-License-Identifier: Apache-2.0
#include "core/address_list.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

constexpr auto with_names = address_list::names::accepted;

TEST(address_list, contains_the_addresses_and_ranges_that_it_names) {
    const auto list = address_list::parse(" 10.0.0.0/8, 192.168.1.5,fd00::/9 ,::1");
    ASSERT_TRUE(list) << list.error().text;
    for (const std::string host :
         {"10.0.0.0",
          "10.255.255.255",
          "192.168.1.5",
          "fd00::1",
          "fd7f::",
          "::1",
          "::ffff:10.1.2.3"}) {
        EXPECT_TRUE(list->contains(host)) << host;
    }
    for (const std::string host :
         {"11.0.0.0",
          "9.255.255.255",
          "192.168.1.6",
          "fd80::",
          "::2",
          "::",
          "",
          "localhost",
          "10.0.0",
          "fe80::1%eth0",
          "10.0.0.1%lo"}) {
        EXPECT_FALSE(list->contains(host)) << host;
    }
    EXPECT_FALSE(list->contains(std::string_view{"10.0.0.1\0", 9}));
}

TEST(address_list, reads_mapped_addresses_as_ipv4) {
    const auto mapped = address_list::parse("::ffff:10.0.0.0/104");
    ASSERT_TRUE(mapped) << mapped.error().text;
    EXPECT_TRUE(mapped->contains("10.9.9.9"));
    EXPECT_FALSE(mapped->contains("11.0.0.1"));
    const auto all_v4 = address_list::parse("0.0.0.0/0");
    ASSERT_TRUE(all_v4);
    EXPECT_TRUE(all_v4->contains("203.0.113.9"));
    EXPECT_FALSE(all_v4->contains("2001:db8::1"));
}

TEST(address_list, compares_prefixes_bit_by_bit) {
    const auto list = address_list::parse("172.16.0.0/12");
    ASSERT_TRUE(list);
    EXPECT_TRUE(list->contains("172.31.255.255"));
    EXPECT_FALSE(list->contains("172.32.0.0"));
    EXPECT_FALSE(list->contains("172.15.255.255"));
    const auto one = address_list::parse("10.0.0.7/32");
    ASSERT_TRUE(one);
    EXPECT_TRUE(one->contains("10.0.0.7"));
    EXPECT_FALSE(one->contains("10.0.0.6"));
}

TEST(address_list, compares_names_as_texts_where_names_are_accepted) {
    const auto list = address_list::parse("Goods.Example, 10.0.0.1", with_names);
    ASSERT_TRUE(list) << list.error().text;
    EXPECT_TRUE(list->contains("goods.example"));
    EXPECT_TRUE(list->contains("GOODS.EXAMPLE"));
    EXPECT_TRUE(list->contains("10.0.0.1"));
    EXPECT_FALSE(list->contains("goods"));
    EXPECT_EQ(list->text(), "Goods.Example, 10.0.0.1");
}

TEST(address_list, is_empty_for_an_empty_text) {
    for (const std::string text : {"", "  "}) {
        const auto list = address_list::parse(text);
        ASSERT_TRUE(list);
        EXPECT_TRUE(list->empty());
        EXPECT_FALSE(list->contains("127.0.0.1"));
    }
}

TEST(address_list, names_the_entry_that_it_cannot_use) {
    const std::pair<const char*, const char*> cases[] = {
        {"10.0.0.1/8", "'10.0.0.1/8' has bits beyond its prefix"},
        {"10.0.0.0/33", "'10.0.0.0/33' has to have a number from 0 to 32"},
        {"fd00::/129", "from 0 to 128"},
        {"10.0.0.0/", "from 0 to 32"},
        {"10.0.0.0/ 8", "from 0 to 32"},
        {"10.0.0.0/-1", "from 0 to 32"},
        {"10.0.0.0/8/8", "from 0 to 32"},
        {"goods", "'goods' is neither an IP address nor a range"},
        {"10.0.0", "'10.0.0' is neither"},
        {"fe80::1%eth0", "is neither"},
        {"10.0.0.1,,10.0.0.2", "an entry is empty"},
        {"10.0.0.1,", "an entry is empty"},
        {",", "an entry is empty"},
    };
    for (const auto& [text, problem] : cases) {
        const auto list = address_list::parse(text);
        ASSERT_FALSE(list) << text;
        EXPECT_EQ(list.error().code, errc::invalid);
        EXPECT_NE(list.error().text.find(problem), std::string::npos) << list.error().text;
    }
    EXPECT_FALSE(address_list::parse("goods/8", with_names));
    EXPECT_FALSE(address_list::parse("0x7f.1", with_names));
}

TEST(address_list, has_a_bound) {
    std::string text = "10.0.0.1";
    for (std::size_t i = 1; i < address_list::entries_max; ++i) {
        text += ",10.0.0.1";
    }
    EXPECT_TRUE(address_list::parse(text));
    EXPECT_FALSE(address_list::parse(text + ",10.0.0.1"));
}

} // namespace
} // namespace msd::core
