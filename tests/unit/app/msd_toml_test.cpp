// SPDX-License-Identifier: Apache-2.0
#include "app/config_file.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <string>

namespace msd::app {
namespace {

// config/msd.toml has every key with its default, commented out, below a comment that explains it.
struct documented {
    std::string text;
    std::string value; // as TOML
};

// Tests run in the top directory of the project.
std::filesystem::path file() {
    return "config/msd.toml";
}

std::map<std::string, documented> read_documentation() {
    std::map<std::string, documented> all;
    std::ifstream in{file()};
    std::string section;
    std::string text;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("# ")) {
            text += (text.empty() ? "" : " ") + line.substr(2);
        } else if (line.starts_with('[')) {
            section = line.substr(1, line.find(']') - 1) + ".";
            text.clear();
        } else if (const auto equals = line.find(" = "); equals != std::string::npos) {
            all[section + line.substr(1, equals - 1)] = {text, line.substr(equals + 3)};
            text.clear();
        } else {
            text.clear();
        }
    }
    return all;
}

std::string expected_text(const config_key& key, const config_value& standard) {
    if (!key.choices.empty()) {
        return fmt::format("{} ({})", key.text, fmt::join(key.choices, ", "));
    }
    if (std::holds_alternative<std::int64_t>(standard)) {
        return fmt::format("{} ({} to {})", key.text, key.least, key.most);
    }
    return key.text;
}

std::string expected_value(const config_value& standard) {
    if (const auto* number = std::get_if<std::int64_t>(&standard)) {
        return std::to_string(*number);
    }
    if (const auto* truth = std::get_if<bool>(&standard)) {
        return *truth ? "true" : "false";
    }
    return '"' + std::get<std::string>(standard) + '"';
}

TEST(msd_toml, documents_every_key_with_its_meaning_bounds_and_default) {
    const config_schema schema{all_roles()};
    const configuration defaults = schema.defaults();
    const auto documentation = read_documentation();
    for (const config_key& key : schema.keys()) {
        const auto found = documentation.find(key.name);
        if (found == documentation.end()) {
            ADD_FAILURE() << key.name << " is missing";
            continue;
        }
        const config_value standard = key.get(defaults);
        EXPECT_EQ(found->second.text, expected_text(key, standard)) << key.name;
        EXPECT_EQ(found->second.value, expected_value(standard)) << key.name;
    }
}

TEST(msd_toml, documents_only_existing_keys) {
    const config_schema schema{all_roles()};
    for (const auto& [name, said] : read_documentation()) {
        EXPECT_NE(schema.find(name), nullptr) << name;
    }
}

TEST(msd_toml, is_valid_and_changes_no_default) {
    const config_schema schema{all_roles()};
    const configuration defaults = schema.defaults();
    configuration read = schema.defaults();
    const auto done = read_config_file(file(), schema, read);
    ASSERT_TRUE(done) << done.error().text;
    for (const config_key& key : schema.keys()) {
        EXPECT_EQ(key.get(read), key.get(defaults)) << key.name;
    }
}

// The value in mdoc(7), where a quote would begin or end an argument.
std::string as_mdoc(std::string value) {
    for (auto at = value.find('"'); at != std::string::npos; at = value.find('"', at + 1)) {
        value.replace(at, 1, "\\(dq");
    }
    return value;
}

TEST(msd_toml, has_a_man_page_with_every_key_and_its_default) {
    const config_schema schema{all_roles()};
    const configuration defaults = schema.defaults();
    std::ifstream in{file().parent_path() / "../docs/man/msd.toml.5"};
    const std::string page{std::istreambuf_iterator<char>{in}, {}};
    for (const config_key& key : schema.keys()) {
        const std::string value = as_mdoc(expected_value(key.get(defaults)));
        const std::string item = fmt::format(".It Ic {} Li = {}\n", key.name, value);
        EXPECT_NE(page.find(item), std::string::npos) << item;
    }
}

TEST(config_table, accepts_every_default_as_a_value) {
    const config_schema schema{all_roles()};
    for (const config_key& key : schema.keys()) {
        configuration made = schema.defaults();
        const auto done = config_schema::set(made, key, key.get(made));
        EXPECT_TRUE(done) << key.name << ": " << (done ? "" : done.error().text);
    }
}

TEST(config_table, reads_back_every_integer_that_was_set) {
    const config_schema schema{all_roles()};
    for (const config_key& key : schema.keys()) {
        configuration made = schema.defaults();
        if (std::holds_alternative<std::int64_t>(key.get(made))) {
            const std::int64_t other =
                key.get(made) == config_value{key.most} ? key.least : key.most;
            ASSERT_TRUE(config_schema::set(made, key, other)) << key.name;
            EXPECT_EQ(key.get(made), config_value{other}) << key.name;
        }
    }
}

TEST(config_table, setting_a_key_changes_no_other_key) {
    const config_schema schema{all_roles()};
    for (const config_key& key : schema.keys()) {
        configuration made = schema.defaults();
        if (!std::holds_alternative<std::int64_t>(key.get(made))) {
            continue;
        }
        const std::int64_t other = key.get(made) == config_value{key.most} ? key.least : key.most;
        ASSERT_TRUE(config_schema::set(made, key, other)) << key.name;
        for (const config_key& each : schema.keys()) {
            if (each.name != key.name) {
                EXPECT_EQ(each.get(made), each.get(schema.defaults())) << key.name << each.name;
            }
        }
    }
}

} // namespace
} // namespace msd::app
