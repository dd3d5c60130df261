// SPDX-License-Identifier: Apache-2.0
#include "wire/http_fields.hpp"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <utility>

namespace msd::wire {
namespace {

std::string text_of(const http_fields& fields) {
    std::string text;
    for (const http_header& field : fields) {
        text.append(field.name).append("=").append(field.value).append(";");
    }
    return text;
}

http_fields some_fields() {
    http_fields fields;
    fields.add("A", "1");
    fields.add("Set-Cookie", "x");
    fields.add("set-cookie", "y");
    fields.add("B", "");
    return fields;
}

TEST(http_fields, keeps_fields_in_order_and_finds_them_in_any_case) {
    const http_fields fields = some_fields();
    EXPECT_EQ(text_of(fields), "A=1;Set-Cookie=x;set-cookie=y;B=;");
    EXPECT_EQ(fields.size(), 4U);
    EXPECT_EQ(fields[1].name, "Set-Cookie");
    ASSERT_NE(fields.find("SET-COOKIE"), nullptr);
    EXPECT_EQ(*fields.find("SET-COOKIE"), "x");
    EXPECT_EQ(fields.count("set-Cookie"), 2U);
    EXPECT_TRUE(fields.has("b"));
    EXPECT_EQ(fields.find("C"), nullptr);
    EXPECT_EQ(fields.count("C"), 0U);
    EXPECT_TRUE(http_fields{}.empty());
}

TEST(http_fields, replaces_and_removes_fields) {
    http_fields fields = some_fields();
    fields.set("SET-COOKIE", "z");
    EXPECT_EQ(text_of(fields), "A=1;B=;SET-COOKIE=z;");
    fields.set_value(1, "2");
    EXPECT_EQ(text_of(fields), "A=1;B=2;SET-COOKIE=z;");
    EXPECT_EQ(fields.remove("a"), 1U);
    EXPECT_EQ(fields.remove("a"), 0U);
    EXPECT_EQ(fields.remove_if([](const http_header& field) { return field.value == "z"; }), 1U);
    EXPECT_EQ(text_of(fields), "B=2;");
    fields.clear();
    EXPECT_TRUE(fields.empty());
    fields.add("C", "3");
    EXPECT_EQ(text_of(fields), "C=3;");
}

TEST(http_fields, keeps_all_texts_while_its_memory_grows) {
    http_fields fields;
    std::string wanted;
    for (int count = 0; count < 500; ++count) {
        const std::string name = "Name-" + std::to_string(count);
        const std::string value(static_cast<std::size_t>(count), 'v');
        fields.add(name, value);
        wanted.append(name).append("=").append(value).append(";");
    }
    EXPECT_EQ(text_of(fields), wanted);
}

TEST(http_fields, accepts_texts_of_its_own) {
    http_fields fields;
    fields.add("A", "value");
    for (int count = 0; count < 100; ++count) {
        fields.add(fields[0].name, *fields.find("A"));
        fields.set_value(fields.size() - 1, fields[0].value);
    }
    EXPECT_EQ(fields.count("A"), 101U);
    EXPECT_EQ(fields[100].value, "value");
    fields.set("A", *fields.find("A"));
    EXPECT_EQ(text_of(fields), "A=value;");
}

TEST(http_fields, takes_no_memory_for_texts_that_were_replaced) {
    http_fields fields;
    for (int count = 0; count < 10'000; ++count) {
        fields.set("A", std::string(100, 'a'));
    }
    EXPECT_LT(fields.held_bytes(), 2048U);
}

TEST(http_fields, reuses_its_memory_after_clear_and_frees_what_is_too_much) {
    http_fields fields;
    EXPECT_EQ(fields.held_bytes(), 0U);
    fields.add("A", std::string(1000, 'a'));
    const std::size_t held = fields.held_bytes();
    EXPECT_GE(held, 1000U);
    const char* const text = fields[0].name.data();
    fields.clear();
    fields.add("B", std::string(1000, 'b'));
    EXPECT_EQ(fields[0].name.data(), text);
    EXPECT_EQ(fields.held_bytes(), held);
    fields.clear_and_keep(held);
    EXPECT_TRUE(fields.empty());
    EXPECT_EQ(fields.held_bytes(), held);
    fields.clear_and_keep(held - 1);
    EXPECT_EQ(fields.held_bytes(), 0U);
    fields.add("C", "c");
    EXPECT_EQ(text_of(fields), "C=c;");
}

TEST(http_fields, copies_its_texts_and_moves_them_without_a_copy) {
    http_fields fields = some_fields();
    const http_fields copied = fields;
    EXPECT_NE(copied[0].name.data(), fields[0].name.data());
    const char* const text = fields[0].name.data();
    http_fields moved{std::move(fields)};
    EXPECT_EQ(moved[0].name.data(), text);
    fields = copied; // NOLINT(bugprone-use-after-move): it is empty, and usable
    fields.add("C", "3");
    EXPECT_EQ(text_of(fields), "A=1;Set-Cookie=x;set-cookie=y;B=;C=3;");
    fields = std::move(moved);
    EXPECT_EQ(fields[0].name.data(), text);
    moved.add("D", "4"); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(text_of(moved), "D=4;");
    EXPECT_EQ(text_of(fields), text_of(copied));
}

} // namespace
} // namespace msd::wire
