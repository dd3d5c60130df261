// SPDX-License-Identifier: Apache-2.0
#include "services/logs/secrets.hpp"

#include <gtest/gtest.h>

namespace msd::test {
namespace {

std::string masked(std::string_view json) {
    std::string out = "before ";
    services::append_without_secrets(out, json);
    EXPECT_TRUE(out.starts_with("before "));
    return out.substr(7);
}

TEST(secrets, are_masked_without_changing_lines_that_hold_none) {
    for (const std::string_view line :
         {R"({"uri" : "/goods", "n": 1.0e5, "list":[ 1,2 ]})", R"("plain")", "null", "7"}) {
        EXPECT_EQ(masked(line), line);
    }
}

TEST(secrets, are_masked_for_every_type_of_value_and_letter_case) {
    EXPECT_EQ(masked(R"({"password":"x","a":1})"), R"({"password":"***","a":1})");
    EXPECT_EQ(
        masked(R"({"PassWord":{"x":1},"Token":[1],"SECRET":null})"),
        R"({"PassWord":"***","Token":"***","SECRET":"***"})"
    );
}

TEST(secrets, are_found_at_every_level) {
    EXPECT_EQ(
        masked(R"([{"params":{"username":"a","password":"b"}},{"token":1.50}])"),
        R"([{"params":{"username":"a","password":"***"}},{"token":"***"}])"
    );
}

TEST(secrets, are_found_in_strings_that_hold_json) {
    EXPECT_EQ(
        masked(R"("{\"uri\":\"/members\",\"params\":{\"password\":\"b\"}}")"),
        R"("{\"uri\":\"/members\",\"params\":{\"password\":\"***\"}}")"
    );
}

TEST(secrets, are_found_when_the_name_is_written_with_escapes) {
    EXPECT_EQ(masked(R"({"\u0070assword":"x"})"), R"({"password":"***"})");
    EXPECT_EQ(masked(R"("{\"\\u0070assword\":\"x\"}")"), R"("{\"password\":\"***\"}")");
}

TEST(secrets, are_recognized_by_member_names_only) {
    EXPECT_EQ(masked(R"({"text":"the password is wrong"})"), R"({"text":"the password is wrong"})");
    EXPECT_EQ(masked(R"({"passwords":1})"), R"({"passwords":1})");
}

TEST(secrets, are_masked_with_the_whole_value_when_it_is_nested_too_deep) {
    std::string deep = R"({"password":"x"})";
    for (int i = 0; i < 40; ++i) {
        deep = R"({"a":)" + deep + "}";
    }
    const std::string line = masked(deep);
    EXPECT_EQ(line.find(R"("x")"), std::string::npos);
    EXPECT_NE(line.find(R"("***")"), std::string::npos);
}

} // namespace
} // namespace msd::test
