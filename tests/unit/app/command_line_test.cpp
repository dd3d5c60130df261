// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.hpp"
#include "unit/app/roles_for_tests.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::app {
namespace {

using words = std::vector<std::string>;

command_line accepted(words arguments) {
    const auto parsed = parse_command_line(std::move(arguments), test_roles);
    EXPECT_TRUE(parsed.command) << parsed.text;
    return parsed.command.value_or(command_line{});
}

std::string refusal(words arguments) {
    const auto parsed = parse_command_line(std::move(arguments), test_roles);
    EXPECT_FALSE(parsed.command);
    EXPECT_EQ(parsed.exit_code, exit_usage);
    return parsed.text;
}

// key=text pairs in order of precedence.
words settings_of(const command_line& line) {
    words all;
    for (const assignment& each : line.settings) {
        all.push_back(each.key + "=" + each.text);
    }
    return all;
}

TEST(command_line, maps_flags_of_a_role_to_keys_of_that_role) {
    const auto line = accepted({"gateway", "--port", "80", "--workers=3", "--host", "::"});
    EXPECT_EQ(line.what, verb::gateway);
    EXPECT_EQ(settings_of(line), (words{"host=::", "gateway.port=80", "gateway.workers=3"}));
}

TEST(command_line, collects_the_routes_of_those_that_have_some) {
    for (const char* const command : {"gateway", "up", "routes"}) {
        const auto line = accepted({command, "--route", "/=h:1", "--route=/a/=h:2,h:3"});
        EXPECT_EQ(line.routes, (words{"/=h:1", "/a/=h:2,h:3"})) << command;
    }
    EXPECT_EQ(
        refusal({"gateway", "--route", "/=h:1", "/a=h:2"}),
        "msd gateway: unexpected argument \"/a\"\nSee msd gateway --help\n"
    );
    EXPECT_EQ(
        refusal({"distributor", "--route", "/=h:1"}),
        "msd distributor: unknown option \"--route\"\nSee msd distributor --help\n"
    );
}

TEST(command_line, maps_flags_of_a_service_to_keys_of_that_service) {
    const auto line = accepted({"service", "goods", "--port", "9011", "--advertise", "a:1"});
    EXPECT_EQ(line.service, "goods");
    EXPECT_EQ(settings_of(line), (words{"services.goods.port=9011", "registry.advertise=a:1"}));
}

TEST(command_line, sets_the_port_of_each_pool_of_up) {
    const auto line = accepted(
        {"up",
         "--gateway-port",
         "1",
         "--distributor-port",
         "0",
         "--goods-port",
         "2",
         "--members-port",
         "3"}
    );
    EXPECT_EQ(
        settings_of(line),
        (words{
            "distributor.port=0",
            "gateway.port=1",
            "services.goods.port=2",
            "services.members.port=3"})
    );
}

TEST(command_line, workers_of_one_pool_override_workers_of_all_pools) {
    const auto line = accepted({"up", "--goods-workers", "5", "--workers", "2"});
    EXPECT_EQ(
        settings_of(line),
        (words{
            "gateway.workers=2",
            "services.goods.workers=2",
            "services.members.workers=2",
            "services.goods.workers=5"})
    );
}

TEST(command_line, uses_the_last_value_of_a_repeated_option) {
    EXPECT_EQ(
        settings_of(accepted({"gateway", "--port", "1", "--host", "a", "--port=2", "--host", "b"})),
        (words{"host=b", "gateway.port=2"})
    );
    EXPECT_EQ(accepted({"up", "-c", "a.toml", "--config", "b.toml"}).config_file, "b.toml");
    EXPECT_EQ(accepted({"status", "-i", "a", "--instance", "b"}).instance, "b");
    EXPECT_EQ(accepted({"call", "GET", "/", "--timeout", "1", "--timeout", "2"}).timeout_ms, 2);
    EXPECT_TRUE(accepted({"status", "--json", "--json"}).as_json);
    const auto line = accepted({"export", "d", "--service", "goods", "--service", "members"});
    EXPECT_EQ(line.services, (words{"goods", "members"})) << "the option can be repeated";
}

TEST(command_line, accepts_a_host_that_begins_with_a_dash_so_that_the_configuration_refuses_it) {
    EXPECT_EQ(
        settings_of(accepted({"gateway", "--advertise", "-x", "--port", "1"})),
        (words{"gateway.port=1", "registry.advertise=-x"})
    );
}

TEST(command_line, accepts_a_label_after_the_name_of_a_service) {
    EXPECT_EQ(accepted({"service", "goods-2"}).service, "goods");
    EXPECT_EQ(accepted({"service", "goods-blue-1"}).service, "goods");
    const auto line = accepted({"service", "goods-2", "--port", "9011"});
    EXPECT_EQ(settings_of(line), (words{"services.goods.port=9011"}));
    EXPECT_NE(refusal({"service", "goods-"}).find("did you mean goods?"), std::string::npos);
    EXPECT_NE(refusal({"service", "good-2"}).find("no service"), std::string::npos);
    EXPECT_NE(refusal({"service", "gateway-2"}).find("no service"), std::string::npos);
}

TEST(command_line, stores_the_flag_for_error_messages_about_its_value) {
    const auto line = accepted({"up", "--goods-port", "x"});
    ASSERT_EQ(line.settings.size(), 1U);
    EXPECT_EQ(line.settings.front().flag, "--goods-port");
}

TEST(command_line, reads_a_call) {
    const auto line = accepted({"call", "POST", "/goods", "a=1", "b=2", "--timeout", "70"});
    EXPECT_EQ(line.what, verb::call);
    EXPECT_EQ(line.method, "POST");
    EXPECT_EQ(line.uri, "/goods");
    EXPECT_EQ(line.arguments, (words{"a=1", "b=2"}));
    EXPECT_EQ(line.timeout_ms, 70);
}

TEST(command_line, reads_a_json_object_as_one_word) {
    const auto line = accepted({"call", "POST", "/goods", R"({"a":[1,2],"b":"x y"})"});
    EXPECT_EQ(line.arguments, (words{R"({"a":[1,2],"b":"x y"})"}));
}

TEST(command_line, accepts_options_of_ctl_before_and_after_its_command) {
    EXPECT_EQ(settings_of(accepted({"ctl", "--data-dir", "d", "roll"})), (words{"data_dir=d"}));
    EXPECT_EQ(settings_of(accepted({"ctl", "roll", "--data-dir", "d"})), (words{"data_dir=d"}));
    const auto both = accepted({"ctl", "--runtime-dir", "a", "roll", "--runtime-dir", "b"});
    EXPECT_EQ(settings_of(both), (words{"runtime_dir=a", "runtime_dir=b"}))
        << "both are stored, the last one is used";
    EXPECT_EQ(accepted({"ctl", "-c", "f.toml", "status"}).config_file, "f.toml");
    EXPECT_EQ(accepted({"ctl", "-i", "up-1", "status", "-i", "up-2"}).instance, "up-2");
    EXPECT_TRUE(accepted({"ctl", "--json", "status"}).as_json);
    EXPECT_EQ(accepted({"ctl", "--pid", "7", "reload"}).master_pid, 7);
    EXPECT_EQ(
        refusal({"ctl", "--data-dir", "d"}),
        "msd ctl: a command is missing, for example: msd ctl status\nSee msd ctl --help\n"
    );
}

TEST(command_line, reads_the_json_flag_of_table_commands) {
    EXPECT_TRUE(accepted({"nodes", "--json"}).as_json);
    EXPECT_TRUE(accepted({"routes", "--json"}).as_json);
    EXPECT_TRUE(accepted({"status", "--json"}).as_json);
    EXPECT_FALSE(accepted({"status"}).as_json);
}

TEST(command_line, reads_the_remaining_commands) {
    EXPECT_EQ(accepted({"distributor"}).what, verb::distributor);
    EXPECT_EQ(accepted({"check", "a.toml"}).file, "a.toml");
    EXPECT_EQ(accepted({"version"}).what, verb::version);
    EXPECT_EQ(accepted({"status", "-i", "up-8000"}).instance, "up-8000");
    EXPECT_EQ(accepted({"up", "-c", "b.toml"}).config_file, "b.toml");
}

TEST(command_line, suggests_an_option_for_a_mistyped_one) {
    EXPECT_EQ(
        refusal({"gateway", "--prot", "80"}),
        "msd gateway: unknown option \"--prot\"; did you mean --port?\nSee msd gateway --help\n"
    );
}

TEST(command_line, suggests_a_command_for_a_mistyped_one) {
    EXPECT_EQ(
        refusal({"gatewya"}),
        "msd: unknown command \"gatewya\"; did you mean gateway?\nSee msd --help\n"
    );
}

TEST(command_line, suggests_a_service_for_a_mistyped_one) {
    EXPECT_EQ(
        refusal({"service", "good"}),
        "msd service: there is no service \"good\"; did you mean goods?\nSee msd service --help\n"
    );
    EXPECT_EQ(
        refusal({"service", "weather"}),
        "msd service: there is no service \"weather\"; the services are goods, members\n"
        "See msd service --help\n"
    );
}

TEST(command_line, refuses_an_empty_command_line_with_an_example) {
    EXPECT_EQ(refusal({}), "msd: a command is missing, for example: msd up\nSee msd --help\n");
}

TEST(command_line, refuses_arguments_that_the_command_does_not_have) {
    EXPECT_EQ(
        refusal({"nodes", "goods"}),
        "msd nodes: unexpected argument \"goods\"\nSee msd nodes --help\n"
    );
    EXPECT_EQ(refusal({"up", "--port", "1"}).substr(0, 31), "msd up: unknown option \"--port\"");
}

TEST(command_line, names_the_missing_argument) {
    EXPECT_EQ(refusal({"check"}), "msd check: FILE is required\nSee msd check --help\n");
    EXPECT_EQ(refusal({"call", "GET"}), "msd call: URI is required\nSee msd call --help\n");
}

TEST(command_line, has_help_with_examples_for_every_command) {
    for (const char* const command :
         {"up",
          "distributor",
          "gateway",
          "service",
          "nodes",
          "routes",
          "status",
          "call",
          "check",
          "version"}) {
        const auto parsed = parse_command_line({command, "--help"}, test_roles);
        EXPECT_FALSE(parsed.command);
        EXPECT_EQ(parsed.exit_code, 0);
        EXPECT_NE(parsed.text.find("Examples:\n  msd " + std::string{command}), std::string::npos)
            << parsed.text;
    }
}

TEST(command_line, shows_the_whole_command_in_the_usage_line) {
    const auto usage = [](words arguments) {
        const std::string help = parse_command_line(std::move(arguments), test_roles).text;
        const auto begin = help.find("Usage: ");
        return help.substr(begin, help.find('\n', begin) - begin);
    };
    EXPECT_EQ(usage({"--help"}), "Usage: msd [OPTIONS] SUBCOMMAND");
    EXPECT_EQ(usage({"ctl", "roll", "--help"}), "Usage: msd ctl roll [OPTIONS] [POOL]");
}

TEST(command_line, lists_the_environment_and_the_exit_codes_in_its_help) {
    const auto parsed = parse_command_line({"--help"}, test_roles);
    EXPECT_EQ(parsed.exit_code, 0);
    for (const char* const part : {"MSD_CONFIG", "MSD_PORT", "MSD_GOODS_WORKERS", "Exit codes:"}) {
        EXPECT_NE(parsed.text.find(part), std::string::npos) << part;
    }
}

TEST(command_line, prints_version_and_build) {
    const auto parsed = parse_command_line({"--version"}, test_roles);
    EXPECT_EQ(parsed.exit_code, 0);
    EXPECT_TRUE(parsed.text.starts_with("msd ")) << parsed.text;
    EXPECT_EQ(std::count(parsed.text.begin(), parsed.text.end(), '\n'), 2) << parsed.text;
}

TEST(command_line, reads_what_is_to_be_explained) {
    const auto line = accepted(
        {"explain",
         "GET",
         "/goods?id=1",
         "--header",
         "A: 1",
         "--header=B:2",
         "--host",
         "shop.example",
         "--client",
         "10.0.0.1",
         "-i",
         "up-8000",
         "--json"}
    );
    EXPECT_EQ(line.what, verb::explain);
    EXPECT_EQ(line.method, "GET");
    EXPECT_EQ(line.uri, "/goods?id=1");
    EXPECT_EQ(line.explain.headers, (words{"A: 1", "B:2"}));
    EXPECT_EQ(line.explain.host, "shop.example");
    EXPECT_EQ(line.explain.client, "10.0.0.1");
    EXPECT_EQ(line.instance, "up-8000");
    EXPECT_TRUE(line.as_json);
    EXPECT_EQ(
        refusal({"explain", "GET", "/a", "--header", "A:1", "B:2"}),
        "msd explain: unexpected argument \"B:2\"\nSee msd explain --help\n"
    );
    EXPECT_EQ(
        refusal({"explain", "GET"}),
        "msd explain: TARGET is required\nSee msd explain --help\n"
    );
}

TEST(command_line, reads_how_top_looks) {
    const auto usual = accepted({"top"});
    EXPECT_EQ(usual.top.interval_s, 1);
    EXPECT_FALSE(usual.top.once);
    const auto line = accepted({"top", "--interval", "5", "--once"});
    EXPECT_EQ(line.top.interval_s, 5);
    EXPECT_TRUE(line.top.once);
    EXPECT_NE(refusal({"top", "--interval", "0"}).find("--interval"), std::string::npos);
}

TEST(command_line, keeps_the_arguments_of_described_commands) {
    const auto call = accepted({"call", "GET", "/goods", "a=1", "b=2", "--timeout", "7"});
    EXPECT_EQ(call.arguments, (words{"a=1", "b=2"}));
    EXPECT_EQ(call.timeout_ms, 7);
    const auto migrate = accepted({"migrate", "--dry-run", "--store", "mysql://a@b/c"});
    EXPECT_TRUE(migrate.dry_run);
    EXPECT_EQ(settings_of(migrate), (words{"store.url=mysql://a@b/c"}));
    EXPECT_EQ(accepted({"check", "a.toml"}).file, "a.toml");
}

} // namespace
} // namespace msd::app
