// SPDX-License-Identifier: Apache-2.0
#include "base/money.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd {
namespace {

std::string round_trip(std::string_view text) {
    const result<money> amount = money::parse(text);
    return amount ? amount->text() : amount.error().text;
}

TEST(money, reads_amounts_exactly) {
    EXPECT_EQ(money::parse("4.15")->e4(), 41'500);
    EXPECT_EQ(money::parse("0.0001")->e4(), 1);
    EXPECT_EQ(money::parse("-1.5e3")->e4(), -15'000'000);
    EXPECT_EQ(money::parse("900000000000000")->e4(), money::e4_max);
    EXPECT_EQ(money::parse("123456789012345.6789")->e4(), 1'234'567'890'123'456'789);
}

TEST(money, writes_no_trailing_zeros) {
    EXPECT_EQ(round_trip("4.1500"), "4.15");
    EXPECT_EQ(round_trip("1000"), "1000");
    EXPECT_EQ(round_trip("-0.5000000"), "-0.5");
    EXPECT_EQ(round_trip("-0"), "0");
    EXPECT_EQ(round_trip("0.00"), "0");
    EXPECT_EQ(round_trip("1e-4"), "0.0001");
    EXPECT_EQ(round_trip("-900000000000000"), "-900000000000000");
}

TEST(money, refuses_more_than_four_decimals) {
    EXPECT_EQ(round_trip("0.00001"), "has more than four decimals");
    EXPECT_EQ(round_trip("1.00010"), "1.0001");
    EXPECT_EQ(round_trip("1e-5"), "has more than four decimals");
}

TEST(money, refuses_amounts_out_of_range) {
    for (const char* text :
         {"900000000000000.0001",
          "-900000000000001",
          "1e15",
          "1e999999999999",
          "99999999999999999999999999"}) {
        EXPECT_EQ(round_trip(text), "is out of range") << text;
    }
    EXPECT_FALSE(money::from_e4(money::e4_max + 1));
    EXPECT_FALSE(money::from_e4(-money::e4_max - 1));
    EXPECT_TRUE(money::from_e4(-money::e4_max));
}

TEST(money, refuses_text_that_is_not_a_number) {
    for (const char* text :
         {"", " 1", "1 ", "+1", "1,5", ".5", "5.", "01", "1e", "e1", "0x1", "abc", "--1"}) {
        EXPECT_EQ(round_trip(text), "must be a number") << text;
    }
}

} // namespace
} // namespace msd
