// SPDX-License-Identifier: Apache-2.0
#include "app/config_file.hpp"
#include "config/reference.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace msd::app {
namespace {

// Tests run in the top directory of the project.
constexpr const char* file = "config/msd.toml";
constexpr const char* page = "docs/man/msd.toml.5";
constexpr const char* what_to_do = "write it by scripts/reference";

std::string content_of(const char* name) {
    std::ifstream in{name};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::vector<config::documented> documentation() {
    const config_schema schema{all_roles()};
    return schema.document(schema.defaults());
}

TEST(msd_toml, contains_every_key_as_the_table_of_keys_describes_it) {
    const std::string old = content_of(file);
    EXPECT_EQ(old, config::write_file_reference(documentation(), old)) << what_to_do;
}

TEST(msd_toml, has_a_man_page_that_describes_every_key_as_the_table_of_keys_does) {
    const std::string old = content_of(page);
    const auto made = config::write_page_reference(documentation(), old);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(old, *made) << what_to_do;
}

// "#port = 8000" becomes "port = 8000" where a header stands above it that is no comment.
std::string with_all_keys_of_sections(const std::string& text) {
    std::istringstream in{text};
    std::string made;
    bool is_in_section = true;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with('[') || line.starts_with("#[")) {
            is_in_section = line.starts_with('[');
        }
        const bool is_key = line.starts_with('#') && !line.starts_with("# ") && line.size() > 1;
        made += (is_key && is_in_section ? line.substr(1) : line) + '\n';
    }
    return made;
}

TEST(msd_toml, is_valid_and_changes_no_default_even_with_all_its_keys) {
    const config_schema schema{all_roles()};
    const configuration defaults = schema.defaults();
    const std::string text = content_of(file);
    for (const std::string& each : {text, with_all_keys_of_sections(text)}) {
        configuration read = schema.defaults();
        const auto done = read_config(each, file, schema, read);
        ASSERT_TRUE(done) << done.error().text;
        for (const config_key& key : schema.keys()) {
            EXPECT_TRUE(key.is_same(read, defaults)) << key.name;
        }
    }
    EXPECT_NE(with_all_keys_of_sections(text).find("\nport = 8000\n"), std::string::npos);
}

// The names of all keys, also of those in tables, with their descriptions.
std::vector<config::description> all_descriptions() {
    std::vector<config::description> all;
    for (const config::documented& each : documentation()) {
        all.push_back(each.key);
        for (const config::documented& inner : each.of_entries) {
            all.push_back(inner.key);
        }
    }
    return all;
}

TEST(config_table, names_the_unit_of_a_key_in_its_name) {
    for (const config::description& key : all_descriptions()) {
        const std::string& name = key.name;
        const bool is_time = name.ends_with("_ms");
        const bool is_size =
            !is_time && key.of == config::kind::integer &&
            (name.ends_with("_bytes") || name.find("_bytes_") != std::string::npos);
        const bool is_percent = name.ends_with("_percent") || name.ends_with("_percent_max");
        EXPECT_EQ(is_time, key.in == config::unit::milliseconds) << name;
        EXPECT_EQ(is_size, key.in == config::unit::bytes) << name;
        EXPECT_EQ(is_percent, key.in == config::unit::percent) << name;
    }
}

bool is_integer(const config_key& key) {
    return key.of == config::kind::integer;
}

TEST(config_table, accepts_every_default_as_a_value) {
    const config_schema schema{all_roles()};
    for (const config_key& key : schema.keys()) {
        configuration made = schema.defaults();
        if (!key.put) { // an array of tables or named tables
            continue;
        }
        const auto done = config::set(made, key, key.get(made));
        EXPECT_TRUE(done) << key.name << ": " << (done ? "" : done.error().text);
    }
}

TEST(config_table, reads_back_every_integer_that_was_set) {
    const config_schema schema{all_roles()};
    for (const config_key& key : schema.keys()) {
        configuration made = schema.defaults();
        if (is_integer(key)) {
            const std::int64_t other =
                key.get(made) == config_value{key.most} ? key.least : key.most;
            ASSERT_TRUE(config::set(made, key, other)) << key.name;
            EXPECT_EQ(key.get(made), config_value{other}) << key.name;
        }
    }
}

TEST(config_table, setting_a_key_changes_no_other_key) {
    const config_schema schema{all_roles()};
    for (const config_key& key : schema.keys()) {
        configuration made = schema.defaults();
        if (!is_integer(key)) {
            continue;
        }
        const std::int64_t other = key.get(made) == config_value{key.most} ? key.least : key.most;
        ASSERT_TRUE(config::set(made, key, other)) << key.name;
        for (const config_key& each : schema.keys()) {
            if (each.name != key.name) {
                EXPECT_TRUE(each.is_same(made, schema.defaults())) << key.name << each.name;
            }
        }
    }
}

} // namespace
} // namespace msd::app
