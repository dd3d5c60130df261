// SPDX-License-Identifier: Apache-2.0
#include "registry/host_rule.hpp"

#include <unistd.h>

#include <gtest/gtest.h>
#include <string>

namespace msd::registry {
namespace {

host_rule rule_of(const std::string& allowed) {
    auto list = core::address_list::parse(allowed, core::address_list::names::accepted);
    EXPECT_TRUE(list);
    return host_rule{std::move(*list)};
}

const std::string elsewhere = "203.0.113.7"; // reserved for examples: nobody has it

TEST(host_rule, lets_a_node_name_the_address_that_it_connects_from) {
    host_rule rule = rule_of("");
    EXPECT_TRUE(rule.check("", elsewhere, false, clock::now()));
    EXPECT_TRUE(rule.check(elsewhere, elsewhere, false, clock::now()));
    EXPECT_TRUE(rule.check("2001:DB8:0::1", "2001:db8::1", false, clock::now()));
}

TEST(host_rule, lets_a_node_of_this_host_name_every_address_of_it) {
    host_rule rule = rule_of("");
    char name[256] = {};
    ASSERT_EQ(::gethostname(name, sizeof name - 1), 0);
    for (const std::string& host :
         {std::string{"127.0.0.1"},
          std::string{"127.8.8.8"},
          std::string{"localhost"},
          std::string{name}}) {
        EXPECT_TRUE(rule.check(host, "127.0.0.1", false, clock::now())) << host;
        EXPECT_FALSE(rule.check(host, elsewhere, false, clock::now())) << host;
    }
}

TEST(host_rule, lets_a_node_of_this_host_name_the_host_that_is_configured_for_it) {
    host_rule rule{{}, "shop.example"}; // behind a router, no interface has its address
    EXPECT_TRUE(rule.check("shop.example", "127.0.0.1", false, clock::now()));
    EXPECT_FALSE(rule.check("shop.example", elsewhere, false, clock::now()));
}

TEST(host_rule, refuses_other_hosts_and_names_the_keys) {
    host_rule rule = rule_of("");
    for (const std::string peer : {"127.0.0.1", "203.0.113.8"}) {
        const auto checked = rule.check(elsewhere, peer, false, clock::now());
        ASSERT_FALSE(checked) << peer;
        EXPECT_EQ(checked.error().code, errc::denied);
        EXPECT_NE(checked.error().text.find("registry.allowed_hosts"), std::string::npos);
        EXPECT_NE(checked.error().text.find("registry.secret_file"), std::string::npos);
    }
}

TEST(host_rule, lets_a_proven_node_and_everybody_name_what_is_allowed) {
    host_rule rule = rule_of("203.0.113.0/24, goods.local");
    EXPECT_TRUE(rule.check(elsewhere, "192.0.2.1", false, clock::now()));
    EXPECT_TRUE(rule.check("goods.local", "192.0.2.1", false, clock::now()));
    EXPECT_FALSE(rule.check("192.0.2.2", "192.0.2.1", false, clock::now()));
    EXPECT_TRUE(rule.check("192.0.2.2", "192.0.2.1", true, clock::now()));
}

} // namespace
} // namespace msd::registry
