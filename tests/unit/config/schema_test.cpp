// SPDX-License-Identifier: Apache-2.0
#include "config/entries.hpp"
#include "config/toml.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::config {
namespace {

struct item {
    std::string name;
    std::string source;
    std::int64_t size = 7;
};

struct whole {
    std::string secret;
    std::vector<item> items;
};

schema<item> item_schema() {
    std::vector<key<item>> rows;
    key<item>& size = rows.emplace_back();
    size.name = "size";
    size.of = kind::integer;
    size.most = 100;
    size.put = [](item& into, const value& what) -> result<void> {
        into.size = what.integer();
        return {};
    };
    size.get = [](const item& from) {
        return from.size;
    };
    return schema<item>{std::move(rows)};
}

const schema<whole>& test_schema() {
    static const schema<item> items = item_schema();
    static const schema<whole> made{[] {
        std::vector<key<whole>> rows;
        key<whole>& secret = rows.emplace_back();
        secret.name = "secret";
        secret.most = 100;
        secret.secret = true;
        secret.put = [](whole& into, const value& what) -> result<void> {
            into.secret = what.text();
            return fail(errc::invalid, "\"" + what.text() + "\" is weak");
        };
        secret.get = [](const whole& from) {
            return from.secret;
        };
        key<whole>& named = rows.emplace_back();
        named.name = "box.*";
        named.of = kind::named;
        named.entries_max = 2;
        make_entries_key<whole, item>(
            named,
            {&items, {}},
            [](auto& w) -> auto& { return w.items; }
        );
        return rows;
    }()};
    return made;
}

std::string problems_of(std::string_view text, whole& into) {
    problems wrong;
    const table root = parse_toml(text, wrong);
    test_schema().read(into, root, {"f", {}}, wrong);
    return wrong.report("f", 20);
}

TEST(schema, hides_the_value_of_a_secret_key_in_messages) {
    whole made;
    EXPECT_EQ(problems_of("secret = \"hunter2\"\n", made), "f:1: secret: \"***\" is weak");
}

TEST(schema, limits_the_number_of_entries) {
    whole made;
    EXPECT_EQ(problems_of("[box.a]\n[box.b]\n", made), "");
    EXPECT_EQ(made.items.size(), 2U);
    EXPECT_EQ(
        problems_of("[box.a]\n[box.b]\n[box.c]\n", made),
        "f:1: box: has 3 entries, at most 2 are allowed"
    );
}

TEST(schema, suggests_no_placeholder_for_a_mistyped_name) {
    whole made;
    EXPECT_EQ(problems_of("bxo = 1\n", made), "f:1: bxo: unknown key; did you mean box?");
    EXPECT_EQ(problems_of("box.z = 1\n", made), "f:1: box.z: unknown key");
}

TEST(schema, documents_entries_with_their_defaults) {
    const std::vector<documented> all = test_schema().document({});
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[1].key.name, "box.*");
    ASSERT_EQ(all[1].of_entries.size(), 1U);
    EXPECT_EQ(all[1].of_entries[0].key.name, "size");
    EXPECT_EQ(all[1].of_entries[0].standard, std::int64_t{7});
}

TEST(parse_text, reads_a_value_of_each_type_that_a_variable_can_have) {
    description key;
    key.of = kind::integer;
    EXPECT_EQ(parse_text(key, "5").value(), std::int64_t{5});
    EXPECT_FALSE(parse_text(key, "5x"));
    key.of = kind::truth;
    EXPECT_EQ(parse_text(key, "true").value(), true);
    EXPECT_FALSE(parse_text(key, "1"));
    key.of = kind::text;
    EXPECT_EQ(parse_text(key, "a,b").value(), std::string{"a,b"});
    key.of = kind::texts;
    EXPECT_EQ(parse_text(key, "a, b ,c").value(), list_of({"a", "b", "c"}));
    EXPECT_EQ(parse_text(key, "").value(), list{});
    key.of = kind::tables;
    EXPECT_FALSE(parse_text(key, "a"));
}

} // namespace
} // namespace msd::config
