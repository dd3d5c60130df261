// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include "base/printable.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <utility>

namespace msd {

namespace {

using namespace std::string_view_literals;
using namespace std::string_literals;

// One character of each kind, with the first and last character of a range.
constexpr std::array unprintables{
    std::pair{"\0"sv, "\\x00"sv},
    std::pair{"\x1F"sv, "\\x1f"sv},
    std::pair{"\x7F"sv, "\\x7f"sv},
    std::pair{"\n"sv, "\\n"sv},
    std::pair{"\t"sv, "\\t"sv},
    std::pair{"\xC2\x80"sv, "\\x80"sv},
    std::pair{"\xC2\x9F"sv, "\\x9f"sv},
    std::pair{"\u00AD"sv, "\\xad"sv},
    std::pair{"\u061C"sv, "\\u061c"sv},
    std::pair{"\u200B"sv, "\\u200b"sv},
    std::pair{"\u200F"sv, "\\u200f"sv},
    std::pair{"\u2028"sv, "\\u2028"sv},
    std::pair{"\u2029"sv, "\\u2029"sv},
    std::pair{"\u202A"sv, "\\u202a"sv},
    std::pair{"\u202E"sv, "\\u202e"sv},
    std::pair{"\u2060"sv, "\\u2060"sv},
    std::pair{"\u2066"sv, "\\u2066"sv},
    std::pair{"\u206F"sv, "\\u206f"sv},
    std::pair{"\uFEFF"sv, "\\ufeff"sv},
    std::pair{"\U000E0001"sv, "\\U000e0001"sv},
    std::pair{"\U000E007F"sv, "\\U000e007f"sv},
    std::pair{"\xFF"sv, "\uFFFD"sv},
    std::pair{"\xC3"sv, "\uFFFD"sv},
    std::pair{"\xED\xA0\x80"sv, "\uFFFD\uFFFD\uFFFD"sv}, // a surrogate
};

constexpr std::array printables{
    ""sv,
    " ~"sv,
    "a\\nb"sv,
    "\u00A0\u00AC\u00AE"sv,
    "e\u0301"sv,
    "연필"sv,
    "\u200A\u2010\u2027\u202F\u2070"sv,
    "\uFFFD"sv,
    "\U0001F600"sv,
    "\U000E0100"sv,
    "\U0010FFFF"sv,
};

} // namespace

TEST(printable, escapes_each_kind_of_unprintable_character) {
    for (const auto& [raw, escaped] : unprintables) {
        const std::string text = "a" + std::string{raw} + "é";
        EXPECT_EQ(printable(text), "a" + std::string{escaped} + "é");
        EXPECT_TRUE(has_unprintable(text)) << escaped;
        EXPECT_FALSE(has_unprintable(printable(text))) << escaped;
    }
}

TEST(printable, leaves_other_characters_as_they_are) {
    for (const std::string_view text : printables) {
        EXPECT_EQ(printable(text), text);
        EXPECT_EQ(printable_json(text), text);
        EXPECT_FALSE(has_unprintable(text)) << text;
    }
}

TEST(printable, keeps_line_feeds_in_text_of_several_lines) {
    EXPECT_EQ(printable_lines("a\nb\r\x1B[0m\u202E\n"), "a\nb\\x0d\\x1b[0m\\u202e\n");
}

TEST(printable, keeps_the_value_of_json) {
    const std::string json = "{\"a\u202E\":\t\"\x7F\u009B\U000E0041\\n\"\r\n}";
    const std::string shown = printable_json(json);
    EXPECT_EQ(shown, R"({"a\u202e": "\u007f\u009b\udb40\udc41\n"  })");
    json::object before;
    json::object after;
    ASSERT_TRUE(before.parse(json));
    ASSERT_TRUE(after.parse(shown));
    EXPECT_EQ(
        before.find("a\u202E")->as_string().value_or("before"),
        after.find("a\u202E")->as_string().value_or("after")
    );
}

TEST(display_columns, counts_wide_and_combining_characters) {
    EXPECT_EQ(display_columns("abc"), 3U);
    EXPECT_EQ(display_columns("é"), 1U);
    EXPECT_EQ(display_columns("e\u0301"), 1U);
    EXPECT_EQ(display_columns("연필"), 4U);
    EXPECT_EQ(display_columns("\uFF21"), 2U);
    EXPECT_EQ(display_columns("\U0001F600"), 2U);
}

} // namespace msd
