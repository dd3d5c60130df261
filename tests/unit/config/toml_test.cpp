// SPDX-License-Identifier: Apache-2.0
#include "config/toml.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::config {
namespace {

table parsed(std::string_view text) {
    problems wrong;
    table made = parse_toml(text, wrong);
    EXPECT_TRUE(wrong.empty()) << wrong.report("f", 20);
    return made;
}

TEST(toml, becomes_a_tree_in_the_order_of_the_file) {
    const table root =
        parsed("z = 1\na = { y = \"t\", b = true }\n[[list]]\nx = [1, 2]\n[[list]]\n");
    ASSERT_EQ(root.size(), 3U);
    EXPECT_EQ(root[0], (member{"z", 0, std::int64_t{1}}));
    EXPECT_EQ(root[1].name, "a");
    EXPECT_EQ(root[1].what, (table{{"y", 0, std::string{"t"}}, {"b", 0, true}}));
    ASSERT_TRUE(root[2].what.is_list());
    ASSERT_EQ(root[2].what.items().size(), 2U);
    EXPECT_EQ(root[2].what.items()[0], (table{{"x", 0, list{std::int64_t{1}, std::int64_t{2}}}}));
    EXPECT_EQ(root[2].what.items()[1], table{});
}

TEST(toml, knows_the_line_of_each_value) {
    const table root = parsed("\na = 1\nlist = [\n  1,\n  2,\n]\n[t]\nb = 1\n[[e]]\n[[e]]\n");
    ASSERT_EQ(root.size(), 4U);
    EXPECT_EQ(root[0].line, 2U);
    EXPECT_EQ(root[1].what.items()[1].line, 5U);
    EXPECT_EQ(root[2].line, 7U);
    EXPECT_EQ(root[2].what.members()[0].line, 8U);
    EXPECT_EQ(root[3].what.items()[0].line, 9U);
    EXPECT_EQ(root[3].what.items()[1].line, 10U);
}

TEST(toml, names_the_types_of_values) {
    const table root = parsed("a = 1.5\nb = 2020-01-01\nc = 07:00:00\n");
    EXPECT_EQ(root[0].what.type_name(), "a number with a fraction");
    EXPECT_EQ(root[1].what.type_name(), "a date or time");
    EXPECT_EQ(root[2].what.type_name(), "a date or time");
}

TEST(toml, reads_on_behind_a_line_with_a_mistake) {
    problems wrong;
    const table root = parse_toml("a = 1\nb = = 2\nc = 3\nc = 4\n\n[t\nd = 5\n", wrong);
    EXPECT_EQ(wrong.size(), 3U) << wrong.report("f", 20);
    EXPECT_TRUE(wrong.report("f", 20).starts_with("f:2: ")) << wrong.report("f", 20);
    EXPECT_EQ(
        root,
        (table{{"a", 0, std::int64_t{1}}, {"c", 0, std::int64_t{3}}, {"d", 0, std::int64_t{5}}})
    );
}

TEST(toml, reports_one_mistake_for_an_array_without_an_end) {
    problems wrong;
    const table root = parse_toml("a = [1,\nb = 2\nc = 3\nd = 4\n", wrong);
    EXPECT_EQ(wrong.size(), 1U) << wrong.report("f", 20);
    EXPECT_TRUE(root.empty());
}

TEST(toml, reports_a_limited_number_of_mistakes) {
    std::string text;
    for (int i = 0; i < 100; ++i) {
        text += "= 1\n\n\n";
    }
    problems wrong;
    EXPECT_TRUE(parse_toml(text, wrong).empty());
    EXPECT_EQ(wrong.size(), syntax_problems_max);
}

TEST(problems, are_reported_in_the_order_of_the_lines_and_counted_beyond_the_limit) {
    problems wrong;
    wrong.add(3, "c", "three");
    wrong.add(1, "a", "one");
    wrong.add(2, {}, "two\x1b");
    EXPECT_EQ(wrong.report("f", 3), "f:1: a: one\nf:2: two\\x1b\nf:3: c: three");
    EXPECT_EQ(wrong.report("f", 1), "f:1: a: one\nf: and 2 more");
    EXPECT_TRUE(wrong.has("c"));
    EXPECT_FALSE(wrong.has("b"));
    EXPECT_TRUE(wrong.has_key_in("c contradicts x"));
    EXPECT_FALSE(wrong.has_key_in("x"));
}

TEST(problems, take_their_line_from_the_source_of_an_entry) {
    problems wrong;
    wrong.add_located("a:1.toml", "a:1.toml:7: path: is there twice");
    wrong.add_located("a:1.toml", "--route: path: is there twice");
    wrong.add_located("f", "f");
    EXPECT_EQ(
        wrong.report("f", 20),
        "f: --route: path: is there twice\nf: f\nf:7: path: is there twice"
    );
}

} // namespace
} // namespace msd::config
