// SPDX-License-Identifier: Apache-2.0
#include "app/config_file.hpp"
#include "unit/app/roles_for_tests.hpp"

#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace msd::app {
namespace {

const config_schema& schema() {
    static const config_schema made{test_roles};
    return made;
}

configuration accepted(std::string_view text) {
    configuration made = schema().defaults();
    const auto read = read_config(text, "msd.toml", schema(), made);
    EXPECT_TRUE(read) << read.error().text;
    return made;
}

std::string refusal(std::string_view text) {
    configuration made = schema().defaults();
    const auto read = read_config(text, "msd.toml", schema(), made);
    return read ? "accepted" : read.error().text;
}

TEST(config_file, sets_values_of_every_kind) {
    const configuration made = accepted(R"(
host = "0.0.0.0"
data_dir = "/srv/msd"
log = { level = "debug", format = "json" }
[gateway]
port = 8080
request_timeout_ms = 1500
http_status = "always-200"
[services]
ship_logs = false
[services.goods]
port = 0
workers = 3
[registry]
distributor = "10.0.0.5:9001"
advertise = "[fd00::1]:80"
)");
    EXPECT_EQ(made.host, "0.0.0.0");
    EXPECT_EQ(made.data_dir, "/srv/msd");
    EXPECT_EQ(made.log.threshold, log::level::debug);
    EXPECT_EQ(made.log.style, log::format::json);
    EXPECT_EQ(made.roles.at("gateway").port, 8080);
    EXPECT_EQ(made.gateway.request_timeout, milliseconds{1500});
    EXPECT_TRUE(made.gateway.always_200);
    EXPECT_FALSE(made.service.ship_logs);
    EXPECT_EQ(made.roles.at("goods").port, 0);
    EXPECT_EQ(made.roles.at("goods").workers, 3);
    EXPECT_EQ(made.membership.distributor_host, "10.0.0.5");
    EXPECT_EQ(made.membership.distributor_port, 9001);
    EXPECT_EQ(made.membership.advertise_host, "fd00::1");
    EXPECT_EQ(made.membership.advertise_port, 80);
}

TEST(config_file, keeps_the_values_of_keys_that_are_not_in_the_file) {
    const configuration made = accepted("[gateway]\nport = 1\n");
    EXPECT_EQ(made.roles.at("goods").port, 9010);
    EXPECT_EQ(made.gateway.request_timeout, milliseconds{5000});
}

TEST(config_file, suggests_a_key_for_a_mistyped_one) {
    EXPECT_EQ(
        refusal("[gateway]\n\nrequest_timout_ms = 1\n"),
        "msd.toml:3: gateway.request_timout_ms: unknown key; did you mean "
        "gateway.request_timeout_ms?"
    );
}

TEST(config_file, suggests_a_section_for_a_mistyped_one) {
    EXPECT_EQ(
        refusal("[gatway]\nport = 1\n"),
        "msd.toml:1: gatway: unknown key; did you mean gateway?"
    );
    EXPECT_EQ(
        refusal("[services.good]\nport = 1\n"),
        "msd.toml:1: services.good: unknown key; did you mean services.goods?"
    );
}

TEST(config_file, suggests_nothing_when_no_key_is_similar) {
    EXPECT_EQ(refusal("colour = \"red\"\n"), "msd.toml:1: colour: unknown key");
}

TEST(config_file, names_the_expected_type_of_a_value) {
    EXPECT_EQ(
        refusal("gateway.port = \"80\"\n"),
        "msd.toml:1: gateway.port: expected an integer, got a string"
    );
    EXPECT_EQ(
        refusal("gateway.port = true\n"),
        "msd.toml:1: gateway.port: expected an integer, got true or false"
    );
    EXPECT_EQ(
        refusal("gateway.port = 8.5\n"),
        "msd.toml:1: gateway.port: expected an integer, got a number with a fraction"
    );
    EXPECT_EQ(
        refusal("gateway.port = [80]\n"),
        "msd.toml:1: gateway.port: expected an integer, got an array"
    );
    EXPECT_EQ(
        refusal("gateway.port = 2020-01-01\n"),
        "msd.toml:1: gateway.port: expected an integer, got a date or time"
    );
    EXPECT_EQ(
        refusal("[gateway.port]\nx = 1\n"),
        "msd.toml:1: gateway.port: expected an integer, got a table"
    );
    EXPECT_EQ(refusal("host = 1\n"), "msd.toml:1: host: expected a string, got an integer");
    EXPECT_EQ(
        refusal("services.ship_logs = 1\n"),
        "msd.toml:1: services.ship_logs: expected true or false, got an integer"
    );
}

TEST(config_file, refuses_a_value_in_place_of_a_section) {
    EXPECT_EQ(refusal("gateway = 5\n"), "msd.toml:1: gateway: is a section, write [gateway]");
}

TEST(config_file, names_the_bounds_of_a_number) {
    EXPECT_EQ(
        refusal("gateway.port = 65536\n"),
        "msd.toml:1: gateway.port: 65536 is not between 0 and 65535"
    );
    EXPECT_EQ(
        refusal("gateway.port = -1\n"),
        "msd.toml:1: gateway.port: -1 is not between 0 and 65535"
    );
}

TEST(config_file, accepts_numbers_equal_to_a_bound) {
    EXPECT_EQ(refusal("gateway.port = 0\n"), "accepted");
    EXPECT_EQ(refusal("gateway.port = 65535\n"), "accepted");
}

TEST(config_file, names_the_allowed_values_of_a_key) {
    EXPECT_EQ(
        refusal("log.level = \"loud\"\n"),
        "msd.toml:1: log.level: \"loud\" is not one of trace, debug, info, warning, error, off"
    );
}

TEST(config_file, refuses_texts_that_are_empty_too_long_or_unprintable) {
    EXPECT_EQ(refusal("data_dir = \"\"\n"), "msd.toml:1: data_dir: must not be empty");
    EXPECT_EQ(
        refusal("host = \"" + std::string(256, 'h') + "\"\n"),
        "msd.toml:1: host: has 256 bytes, at most 255 are allowed"
    );
    EXPECT_EQ(refusal("host = \"a\\nb\"\n"), "msd.toml:1: host: contains a control character");
}

TEST(config_file, explains_what_is_wrong_with_an_address) {
    EXPECT_EQ(
        refusal("registry.distributor = \"here\"\n"),
        "msd.toml:1: registry.distributor: \"here\" is not HOST:PORT"
    );
    EXPECT_EQ(
        refusal("registry.advertise = \"here:0\"\n"),
        "msd.toml:1: registry.advertise: \"here:0\" is not HOST or HOST:PORT"
    );
}

TEST(config_file, reports_every_problem_in_the_order_of_the_file) {
    EXPECT_EQ(
        refusal("zeta = 1\n[gateway]\nport = -1\n[log]\nlevel = 3\n"),
        "msd.toml:1: zeta: unknown key\n"
        "msd.toml:3: gateway.port: -1 is not between 0 and 65535\n"
        "msd.toml:5: log.level: expected a string, got an integer"
    );
}

TEST(config_file, stops_reporting_after_twenty_problems) {
    std::string text;
    for (int i = 0; i < 23; ++i) {
        text += "unheard_of_" + std::to_string(i) + " = 1\n";
    }
    const std::string report = refusal(text);
    EXPECT_TRUE(report.ends_with("\nmsd.toml: and 3 more")) << report;
}

TEST(config_file, names_the_line_of_a_syntax_error) {
    EXPECT_TRUE(refusal("host = \"a\"\nhost = \"b\"\n").starts_with("msd.toml:2: "));
    EXPECT_TRUE(refusal("\n\n= 1\n").starts_with("msd.toml:3: "));
}

TEST(config_file, changes_nothing_when_any_value_is_wrong) {
    configuration made = schema().defaults();
    const auto read =
        read_config("[gateway]\nport = 1\nnonsense = 2\n", "msd.toml", schema(), made);
    EXPECT_FALSE(read);
    EXPECT_EQ(made.roles.at("gateway").port, 8000);
}

TEST(config_file, escapes_control_characters_of_the_file_in_messages) {
    EXPECT_EQ(refusal("\"a\\u001b[2J\" = 1\n"), "msd.toml:1: a\\x1b[2J: unknown key");
}

} // namespace
} // namespace msd::app
