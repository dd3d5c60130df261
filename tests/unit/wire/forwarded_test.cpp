// SPDX-License-Identifier: Apache-2.0
#include "wire/forwarded.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

std::string shown(std::string_view field) {
    const auto read = read_forwarded(field);
    if (!read) {
        return "malformed";
    }
    std::string out;
    for (const forwarded_element& each : *read) {
        out.append("<").append(each.node).append("|").append(each.proto).append("|");
        out.append(each.host).append(">");
    }
    return out;
}

TEST(forwarded, reads_elements_and_pairs_in_any_case_and_order) {
    EXPECT_EQ(shown("for=192.0.2.1"), "<192.0.2.1||>");
    EXPECT_EQ(
        shown("For=\"[2001:db8::1]:80\";proto=https , HOST=a.example; by=x;for=_hidden"),
        "<[2001:db8::1]:80|https|><_hidden||a.example>"
    );
    EXPECT_EQ(shown(""), "<||>");
    EXPECT_EQ(shown("for=a,,for=b;"), "<a||><||><b||>");
}

TEST(forwarded, keeps_separators_inside_quoted_strings) {
    EXPECT_EQ(shown(R"(for="a,b;c=\"d\"")"), R"(<a,b;c="d"||>)");
}

TEST(forwarded, refuses_what_is_malformed_or_too_long) {
    for (const char* const bad :
         {"for", "for=a b", "=a", "for=\"a", "for=\"a\\", "for=a;;b", "for=a=b", "for =a"}) {
        EXPECT_EQ(shown(bad), "malformed") << bad;
    }
    std::string many(forwarded_elements_max - 1, ',');
    EXPECT_TRUE(read_forwarded(many));
    EXPECT_FALSE(read_forwarded(many + ","));
}

TEST(forwarded, takes_the_address_of_a_node_without_port_and_brackets) {
    EXPECT_EQ(address_of_node("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(address_of_node("192.0.2.1:47011"), "192.0.2.1");
    EXPECT_EQ(address_of_node("2001:db8::1"), "2001:db8::1");
    EXPECT_EQ(address_of_node("[2001:db8::1]"), "2001:db8::1");
    EXPECT_EQ(address_of_node("[2001:db8::1]:80"), "2001:db8::1");
    for (const char* const other :
         {"",
          "unknown",
          "_hidden",
          "192.0.2.1:",
          "192.0.2.1:x",
          "[::1",
          "[::1]80",
          "[::1]:",
          ":"}) {
        EXPECT_EQ(address_of_node(other), "") << other;
    }
}

} // namespace
} // namespace msd::wire
