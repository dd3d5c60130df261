// SPDX-License-Identifier: Apache-2.0
#include "core/replication_position.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

replication_position at(std::string_view text) {
    const auto read = replication_position::parse(text);
    EXPECT_TRUE(read) << text;
    return read.value_or(replication_position{});
}

TEST(replication_position, covers_itself_and_what_came_before) {
    EXPECT_TRUE(at("0-1-100").covers(at("0-1-100")));
    EXPECT_TRUE(at("0-1-100").covers(at("0-1-99")));
    EXPECT_FALSE(at("0-1-99").covers(at("0-1-100")));
}

TEST(replication_position, ignores_which_server_wrote) {
    EXPECT_TRUE(at("0-2-100").covers(at("0-1-99")));
    EXPECT_TRUE(at("0-1-100").covers(at("0-2-100")));
}

TEST(replication_position, compares_each_domain) {
    EXPECT_TRUE(at("0-1-5,7-1-9").covers(at("7-1-9")));
    EXPECT_FALSE(at("0-1-5,7-1-9").covers(at("7-1-10")));
    EXPECT_FALSE(at("0-1-5").covers(at("0-1-5,7-1-1")));
    EXPECT_EQ(at("7-1-9,0-1-5"), at("0-1-5,7-1-9"));
}

TEST(replication_position, before_the_first_transaction_is_covered_by_every_other) {
    EXPECT_TRUE(replication_position{}.covers(at("")));
    EXPECT_TRUE(at("0-1-1").covers(at("")));
    EXPECT_FALSE(at("").covers(at("0-1-1")));
    EXPECT_TRUE(at("").covers(at("0-1-0"))) << "number 0 is before the first transaction";
}

TEST(replication_position, takes_the_highest_number_of_a_domain_named_twice) {
    EXPECT_EQ(at("0-1-5,0-2-9,0-3-7"), at("0-2-9"));
}

TEST(replication_position, can_be_a_plain_number) {
    EXPECT_TRUE(replication_position{7}.covers(replication_position{7}));
    EXPECT_FALSE(replication_position{7}.covers(replication_position{8}));
}

TEST(replication_position, reads_the_largest_numbers) {
    EXPECT_TRUE(at("4294967295-4294967295-18446744073709551615")
                    .covers(at("4294967295-1-18446744073709551614")));
}

TEST(replication_position, refuses_other_texts) {
    for (const auto* text :
         {"x",
          "0",
          "0-1",
          "0-1-",
          "0-1-2-3",
          "0-1-2,",
          ",0-1-2",
          "0-1-2,,0-1-3",
          " 0-1-2",
          "0-1-2 ",
          "-0-1-2",
          "0--1-2",
          "0-1--2",
          "4294967296-1-1",
          "0-4294967296-1",
          "0-1-18446744073709551616"}) {
        EXPECT_FALSE(replication_position::parse(text)) << text;
    }
}

TEST(replication_position, refuses_too_many_domains) {
    std::string text = "0-1-1";
    for (std::size_t i = 1; i < replication_position::domains_max; ++i) {
        text += "," + std::to_string(i) + "-1-1";
    }
    EXPECT_TRUE(replication_position::parse(text));
    EXPECT_FALSE(replication_position::parse(text + ",9999-1-1"));
}

} // namespace
} // namespace msd::core
