// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace msd::json {
namespace {

std::string nested(std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
}

value read(std::string_view text) {
    const result<value> read = parse(text);
    EXPECT_TRUE(read) << text;
    return read.value_or(value{});
}

TEST(json_parse, returns_the_kind_and_the_unchanged_text) {
    const auto is = [](std::string_view text, kind wanted) {
        const value found = read(" \t\r\n" + std::string{text} + " \n");
        return found.type == wanted;
    };
    EXPECT_TRUE(is("null", kind::null));
    EXPECT_TRUE(is("true", kind::boolean));
    EXPECT_TRUE(is("-0.0e+00", kind::number));
    EXPECT_TRUE(is(R"("")", kind::string));
    EXPECT_TRUE(is("[ ]", kind::array));
    EXPECT_TRUE(is("{ }", kind::object));
    EXPECT_EQ(read(" [1, 2]\n").text, "[1, 2]");
    EXPECT_EQ(
        read("123456789012345678901234567890e999").text,
        "123456789012345678901234567890e999"
    );
}

TEST(json_parse, refuses_text_that_is_not_json) {
    for (const char* bad :
         {"",
          " ",
          "nul",
          "nullx",
          "True",
          "+1",
          "01",
          "-",
          "1.",
          ".5",
          "1e",
          "1e+",
          "0x1",
          "NaN",
          "Infinity",
          "[",
          "]",
          "[1,]",
          "[,1]",
          "[1 2]",
          "{",
          "{a:1}",
          R"({"a"})",
          R"({"a":})",
          R"({"a":1,})",
          R"({"a":1]})",
          R"([1}])",
          R"({1:2})",
          R"("a)",
          R"("\x")",
          R"("\u12g4")",
          R"("\u123)",
          R"("\)",
          "'a'",
          "1 2",
          "{}x",
          "\"\t\"",
          "\"\n\"",
          "[1]]",
          "/**/1",
          "\xEF\xBB\xBF{}"}) {
        const result<value> found = parse(bad);
        ASSERT_FALSE(found) << bad;
        EXPECT_EQ(found.error().code, errc::malformed);
    }
}

TEST(json_parse, refuses_nul_bytes_at_any_position) {
    EXPECT_FALSE(parse(std::string_view{"{}\0", 3}));
    EXPECT_FALSE(parse(std::string_view{"\0{}", 3}));
    EXPECT_FALSE(parse(std::string_view{"\"\0\"", 3}));
    EXPECT_FALSE(parse(std::string_view{"\"\\\0\"", 4}));
}

TEST(json_parse, reads_no_byte_after_the_text) {
    const std::string text = "{\"a\":12}";
    EXPECT_EQ(read(std::string_view{text}.substr(5, 2)).text, "12");
    EXPECT_FALSE(parse(std::string_view{text}.substr(0, 7)));
    EXPECT_FALSE(parse(std::string_view{"true"}.substr(0, 3)));
    EXPECT_FALSE(parse(std::string_view{R"("\u0041")"}.substr(0, 6)));
}

TEST(json_parse, checks_utf8_at_every_offset_of_a_word) {
    for (std::size_t before = 0; before < 17; ++before) {
        const auto is_good = [&](std::string_view bytes) {
            return parse('"' + std::string(before, 'x') + std::string{bytes} + "yyyyyyyyy\"")
                .has_value();
        };
        for (const char* good :
             {"\xC2\x80",
              "\xDF\xBF",
              "\xE0\xA0\x80",
              "\xED\x9F\xBF",
              "\xEF\xBF\xBF",
              "\xF0\x90\x80\x80",
              "\xF4\x8F\xBF\xBF",
              "\x7F",
              "\\\"",
              "\\\\"}) {
            EXPECT_TRUE(is_good(good)) << before << good;
        }
        for (const char* bad :
             {"\x80",
              "\xC0\x80",
              "\xC1\xBF",
              "\xC2",
              "\xE0\x9F\xBF",
              "\xED\xA0\x80",
              "\xE2\x82",
              "\xF0\x8F\xBF\xBF",
              "\xF4\x90\x80\x80",
              "\xF5\x80\x80\x80",
              "\xFF",
              "\x01",
              "\x1F",
              "\""}) {
            EXPECT_FALSE(is_good(bad)) << before << bad;
        }
    }
}

TEST(json_parse, limits_the_depth_of_mixed_arrays_and_objects) {
    EXPECT_TRUE(parse(nested(depth_max)));
    EXPECT_FALSE(parse(nested(depth_max + 1)));
    EXPECT_FALSE(parse(nested(1'000'000)));
    EXPECT_TRUE(elements(nested(depth_max)));
    EXPECT_FALSE(elements(nested(depth_max + 1)));
    object fields;
    EXPECT_TRUE(fields.parse(R"({"a":)" + nested(depth_max - 1) + "}"));
    EXPECT_FALSE(fields.parse(R"({"a":)" + nested(depth_max) + "}"));
    std::string mixed = "1";
    for (std::size_t level = 0; level < depth_max; ++level) {
        mixed.insert(0, level % 3 == 0 ? "[0," : R"({"a":[],"b":)");
        mixed += level % 3 == 0 ? ",null]" : "}";
    }
    EXPECT_TRUE(parse(mixed));
    EXPECT_FALSE(parse("[" + mixed + "]"));
}

TEST(json_parse, distinguishes_too_deep_from_malformed) {
    const std::string deep = nested(depth_max + 1);
    EXPECT_EQ(parse(deep).error().code, errc::too_large);
    EXPECT_EQ(parse(deep).error().text, "bad JSON at byte 64: nested too deep");
    EXPECT_EQ(elements(deep).error().code, errc::too_large);
    const std::string deep_member = R"({"key":5,"a":)" + nested(depth_max) + "}";
    object fields;
    EXPECT_EQ(fields.parse(deep_member).error().code, errc::too_large);
    EXPECT_EQ(fields.size(), 1U); // key stays readable
    EXPECT_EQ(parse(nested(depth_max) + "]").error().code, errc::malformed);
    EXPECT_EQ(parse(deep.substr(0, depth_max)).error().code, errc::malformed);
}

TEST(json_value, decodes_strings) {
    EXPECT_EQ(
        read(R"("a\"\\\/\b\f\n\r\t\u00b6\uC5F0\ud83d\ude00b")").as_string(),
        "a\"\\/\b\f\n\r\t¶연😀b"
    );
    EXPECT_EQ(read(R"("\u0000")").as_string(), std::string(1, '\0'));
    EXPECT_EQ(read("1").as_string(), std::nullopt);
}

TEST(json_value, reads_lone_surrogates_as_the_replacement_character) {
    EXPECT_EQ(read(R"("\ud800")").as_string(), "\uFFFD");
    EXPECT_EQ(read(R"("\udc00x")").as_string(), "\uFFFDx");
    EXPECT_EQ(read(R"("\ud800\u0041")").as_string(), "\uFFFDA");
    EXPECT_EQ(read(R"("\ud800\ud83d\ude00")").as_string(), "\uFFFD😀");
    EXPECT_EQ(read(R"("\ud800\n")").as_string(), "\uFFFD\n");
}

TEST(json_value, reads_an_integer_exactly_or_returns_nothing) {
    EXPECT_EQ(read("7").as_int64(), 7);
    EXPECT_EQ(read("7.0").as_int64(), 7);
    EXPECT_EQ(read("70e-1").as_int64(), 7);
    EXPECT_EQ(read("0.7E+1").as_int64(), 7);
    EXPECT_EQ(read("-0").as_int64(), 0);
    EXPECT_EQ(read("0e999999999999999999999").as_int64(), 0);
    EXPECT_EQ(read("9007199254740993").as_int64(), 9007199254740993);
    EXPECT_EQ(read("9999999999999999999").as_uint64(), 9999999999999999999ULL);
    EXPECT_EQ(read("10000000000000000000").as_uint64(), 10000000000000000000ULL);
    EXPECT_EQ(read("9999999999999999999").as_int64(), std::nullopt);
    EXPECT_EQ(read("-9223372036854775808").as_int64(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(read("9223372036854775807").as_int64(), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(read("18446744073709551615").as_uint64(), std::numeric_limits<std::uint64_t>::max());
    for (const char* none :
         {"9223372036854775808",
          "-9223372036854775809",
          "7.5",
          "1e19",
          "1e-1",
          "1e99999999999999999999",
          R"("7")",
          "true",
          "null"}) {
        EXPECT_EQ(read(none).as_int64(), std::nullopt) << none;
    }
    EXPECT_EQ(read("18446744073709551616").as_uint64(), std::nullopt);
    EXPECT_EQ(read("-1").as_uint64(), std::nullopt);
}

TEST(json_value, reads_doubles_and_booleans) {
    EXPECT_EQ(read("4.15").as_double(), 4.15);
    EXPECT_EQ(read("1e999").as_double(), std::nullopt);
    EXPECT_EQ(read("\"1\"").as_double(), std::nullopt);
    EXPECT_EQ(read("true").as_bool(), true);
    EXPECT_EQ(read("false").as_bool(), false);
    EXPECT_EQ(read("1").as_bool(), std::nullopt);
}

TEST(json_object, keeps_the_order_and_the_text_of_its_members) {
    object fields;
    const std::string text = " { \"a\" : 1.0 ,\"\":\"x\" , \"b\\u0063\":[1, {\"a\":2}] } ";
    ASSERT_TRUE(fields.parse(text));
    ASSERT_EQ(fields.size(), 3U);
    EXPECT_EQ(fields.find("a")->text, "1.0");
    EXPECT_EQ(fields.find("")->text, "\"x\"");
    EXPECT_EQ(fields.find("bc")->text, "[1, {\"a\":2}]");
    EXPECT_EQ(fields.find("b"), nullptr);
    EXPECT_EQ(fields.begin()->raw, "\"a\" : 1.0");
    EXPECT_EQ((fields.end() - 1)->raw, "\"b\\u0063\":[1, {\"a\":2}]");
    EXPECT_EQ(fields.text(), text.substr(1, text.size() - 2));
}

TEST(json_object, finds_the_last_member_of_a_repeated_name) {
    object fields;
    ASSERT_TRUE(fields.parse(R"({"a":1,"\u0061":2,"__proto__":3})"));
    EXPECT_EQ(fields.size(), 3U);
    EXPECT_EQ(fields.find("a")->text, "2");
    EXPECT_EQ(fields.find("__proto__")->text, "3");
}

TEST(json_object, keeps_the_members_before_an_error_readable) {
    object fields;
    ASSERT_FALSE(fields.parse(R"({"key":5,"a":"b","c":tru})"));
    ASSERT_EQ(fields.size(), 2U);
    EXPECT_EQ(fields.find("key")->text, "5");
    ASSERT_FALSE(fields.parse(R"({"key":5)"));
    EXPECT_EQ(fields.find("key")->text, "5");
}

TEST(json_object, refuses_every_value_but_an_object) {
    object fields;
    for (const char* other : {"[]", "null", "5", "\"a\"", "", "{}{}"}) {
        EXPECT_FALSE(fields.parse(other)) << other;
    }
    EXPECT_TRUE(fields.parse("{}"));
    EXPECT_TRUE(fields.empty());
}

TEST(json_object, discards_the_previous_members_when_it_parses_again) {
    object fields;
    ASSERT_TRUE(fields.parse(R"({"\u0061":1,"b":2})"));
    ASSERT_TRUE(fields.parse(R"({"c":3})"));
    EXPECT_EQ(fields.size(), 1U);
    EXPECT_EQ(fields.find("a"), nullptr);
}

TEST(json_object, keeps_decoded_names_when_it_is_moved) {
    object fields;
    ASSERT_TRUE(fields.parse(R"({"\u0061":1})"));
    const object moved = std::move(fields);
    ASSERT_NE(moved.find("a"), nullptr);
}

TEST(json_object, limits_the_number_of_members) {
    std::string text = "{";
    for (std::size_t count = 0; count < members_max; ++count) {
        text += R"("":0,)";
    }
    object fields;
    text.back() = '}';
    EXPECT_TRUE(fields.parse(text));
    text.back() = ',';
    const result<void> read = fields.parse(text + R"("":0})");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, errc::invalid);
}

TEST(json_object, counts_members_and_values_of_a_text) {
    const auto refusal = [](const char* text, limits bounds) {
        object fields;
        object inner;
        const auto read = fields.parse(text, bounds, {"i", &inner});
        EXPECT_TRUE(read || read.error().code == errc::invalid) << text;
        return read ? std::string{} : read.error().text;
    };
    constexpr const char* members = "too many members of a JSON object: send at most 2";
    constexpr const char* values = "too many values in JSON: send at most 4";
    const limits few{depth_max, 2, 4};
    EXPECT_EQ(refusal(R"({"a":0,"b":0})", few), "");
    EXPECT_EQ(refusal(R"({"a":0,"b":0,"c":0})", few), members);
    EXPECT_EQ(refusal(R"({"a":{"b":0,"c":0,"d":0}})", few), "") << "members that are not read";
    EXPECT_EQ(refusal(R"({"i":{"b":0,"c":0,"d":0}})", few), members);
    EXPECT_EQ(refusal(R"({"a":[0,0,0]})", few), "");
    EXPECT_EQ(refusal(R"({"a":[0,0,0,0]})", few), values);
    EXPECT_EQ(refusal(R"({"a":[[],{},[]]})", few), "");
    EXPECT_EQ(refusal(R"({"a":[[],{},[]],"b":0})", few), values) << "of the whole text";
    EXPECT_EQ(refusal(R"({"i":{"a":[0,0],"b":[]}})", few), "");
    EXPECT_EQ(refusal(R"({"i":{"a":[0,0],"b":[0]}})", few), values);
}

TEST(json_object, reads_an_inner_object_in_the_same_pass) {
    object fields;
    object inner;
    ASSERT_TRUE(fields.parse(R"({"a":1,"\u0069": {"x":{"y":2}} ,"b":3})", {}, {"i", &inner}));
    EXPECT_EQ(fields.size(), 3U);
    EXPECT_EQ(fields.find("i")->text, R"({"x":{"y":2}})");
    EXPECT_EQ(fields.find("i")->type, kind::object);
    EXPECT_EQ(inner.text(), R"({"x":{"y":2}})");
    EXPECT_EQ(inner.find("x")->text, R"({"y":2})");
    ASSERT_TRUE(fields.parse(R"({"i":{"x":1},"i":{"y":2}})", {}, {"i", &inner}));
    EXPECT_EQ(inner.text(), R"({"y":2})") << "the last one counts";
    EXPECT_EQ(inner.size(), 1U);
    ASSERT_TRUE(fields.parse(R"({"i":{}})", {}, {"i", &inner}));
    EXPECT_TRUE(inner.empty());
    ASSERT_TRUE(fields.parse(R"({"i":[{"i":{}}]})", {}, {"i", &inner}));
    EXPECT_EQ(fields.find("i")->type, kind::array);
    const std::string deep = R"({"i":{"a":)" + nested(depth_max - 2) + "}}";
    EXPECT_TRUE(fields.parse(deep, {}, {"i", &inner}));
    const std::string deeper = R"({"i":{"a":)" + nested(depth_max - 1) + "}}";
    EXPECT_EQ(fields.parse(deeper, {}, {"i", &inner}).error().code, errc::too_large);
    EXPECT_FALSE(fields.parse(R"({"i":{"a":1)", {}, {"i", &inner}));
    EXPECT_FALSE(fields.parse(R"({"i":{"a":1}}})", {}, {"i", &inner}));
}

TEST(json_elements, returns_the_elements_of_an_array) {
    const auto found = elements(" [1, \"a\" ,[2,3]] ");
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 3U);
    EXPECT_EQ(found->at(2).text, "[2,3]");
    EXPECT_TRUE(elements("[]")->empty());
    for (const char* bad : {"{}", "[1", "[1,]", "[,]", "[]]", ""}) {
        EXPECT_FALSE(elements(bad)) << bad;
    }
}

TEST(json_fault, is_reported_with_its_position) {
    EXPECT_EQ(parse("[1,x]").error().text, "bad JSON at byte 3: not a value");
    EXPECT_EQ(parse("[1,").error().text, "bad JSON: the text ends at byte 3");
}

TEST(json_utf8, is_distinguished_from_other_bytes) {
    EXPECT_TRUE(is_utf8(""));
    EXPECT_TRUE(is_utf8("a¶연😀"));
    EXPECT_FALSE(is_utf8("a\xC2"));
    EXPECT_FALSE(is_utf8("\xED\xA0\x80"));
    EXPECT_EQ(code_points("a¶연😀"), 4U);
}

} // namespace
} // namespace msd::json
