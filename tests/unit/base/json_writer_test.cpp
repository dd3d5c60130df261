// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace msd::json {
namespace {

TEST(json_writer, writes_commas_and_colons) {
    std::string out = "before ";
    writer to{out};
    to.begin_object().key("a").integer(-1).key("b").begin_array().string("x").null();
    to.begin_object().end_object().begin_array().end_array().boolean(true).end_array();
    to.key("c").raw("[1,2]").raw_members("").raw_members(R"("d":1,"e":2)").key("f").boolean(false);
    to.end_object();
    EXPECT_EQ(out, R"(before {"a":-1,"b":["x",null,{},[],true],"c":[1,2],"d":1,"e":2,"f":false})");
}

TEST(json_writer, writes_members_outside_of_an_object_without_braces) {
    std::string out;
    writer{out}.key("a").integer(1).key("b").begin_object().end_object();
    EXPECT_EQ(out, R"("a":1,"b":{})");
}

TEST(json_writer, writes_numbers_that_read_back_the_same) {
    std::string out;
    writer to{out};
    to.begin_array().integer(std::numeric_limits<std::int64_t>::min());
    to.unsigned_integer(std::numeric_limits<std::uint64_t>::max()).real(0.1).real(1e300).real(-0.0);
    to.real(std::numeric_limits<double>::quiet_NaN()).real(std::numeric_limits<double>::infinity());
    to.end_array();
    EXPECT_EQ(out, "[-9223372036854775808,18446744073709551615,0.1,1e+300,-0,null,null]");
    EXPECT_TRUE(parse(out));
}

TEST(json_writer, escapes_characters_that_a_string_must_not_contain) {
    EXPECT_EQ(
        quote("a\"\\\b\f\n\r\t\x01\x1F/\x7F¶"),
        R"("a\"\\\b\f\n\r\t\u0001\u001f/)"
        "\x7F¶\""
    );
    EXPECT_EQ(quote(std::string_view{"\0", 1}), R"("\u0000")");
    EXPECT_EQ(quote(""), R"("")");
}

TEST(json_writer, replaces_each_byte_that_is_not_utf8) {
    EXPECT_EQ(quote("a\xFF\xE2\x82z"), "\"a\uFFFD\uFFFD\uFFFDz\"");
    EXPECT_EQ(quote("\xED\xA0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");
}

TEST(json_writer, reads_no_byte_after_a_text_that_ends_within_a_character) {
    const std::string_view whole = "a\u00B6b";
    EXPECT_EQ(quote(whole.substr(0, 2)), "\"a\uFFFD\"");
    EXPECT_EQ(quote(std::string_view{"연", 2}), "\"\uFFFD\uFFFD\"");
}

TEST(json_writer, does_not_change_text_that_looks_like_an_escape) {
    EXPECT_EQ(quote("\\u001F\x1F\\\\u00AB"), R"("\\u001F\u001f\\\\u00AB")");
}

TEST(json_writer, appends_long_strings_to_existing_text) {
    for (const std::size_t bytes : {125U, 126U, 127U, 128U, 129U, 1000U}) {
        std::string out = R"(\u001F)";
        append_quoted(out, std::string(bytes, 'x') + "\x1F");
        EXPECT_EQ(out, R"(\u001F")" + std::string(bytes, 'x') + R"(\u001f")");
    }
}

TEST(json_writer, writes_strings_that_read_back_the_same) {
    std::string all;
    for (int c = 0; c < 0x80; ++c) {
        all += static_cast<char>(c);
    }
    all += "¶연😀";
    EXPECT_EQ(parse(quote(all))->as_string(), all);
}

TEST(json_writer, aborts_when_it_is_misused) {
    std::string out;
    EXPECT_DEATH(writer{out}.begin_object().integer(1), "");
    EXPECT_DEATH(writer{out}.begin_array().key("a"), "");
    EXPECT_DEATH(writer{out}.begin_array().end_object(), "");
    EXPECT_DEATH(writer{out}.begin_object().key("a").end_object(), "");
    EXPECT_DEATH(writer{out}.end_object(), "");
    EXPECT_DEATH(writer{out}.integer(1).integer(2), "");
}

} // namespace
} // namespace msd::json
