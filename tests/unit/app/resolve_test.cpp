// SPDX-License-Identifier: Apache-2.0
#include "app/resolve.hpp"
#include "unit/app/roles_for_tests.hpp"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <string>

namespace msd::app {
namespace {

using variables = std::map<std::string, std::string>;

environment_lookup lookup_in(variables set) {
    return [set = std::move(set)](const char* name) -> const char* {
        const auto found = set.find(name);
        return found == set.end() ? nullptr : found->second.c_str();
    };
}

command_line gateway(std::vector<assignment> settings = {}) {
    command_line made;
    made.what = verb::gateway;
    made.settings = std::move(settings);
    return made;
}

command_line goods(std::vector<assignment> settings = {}) {
    command_line made;
    made.what = verb::service;
    made.service = "goods";
    made.settings = std::move(settings);
    return made;
}

configuration accepted(const command_line& command, const variables& set) {
    const auto resolved = resolve(command, test_roles, lookup_in(set));
    EXPECT_TRUE(resolved) << resolved.error().text;
    return resolved.value_or(configuration{});
}

refusal refused(const command_line& command, const variables& set) {
    const auto resolved = resolve(command, test_roles, lookup_in(set));
    EXPECT_FALSE(resolved);
    return resolved ? refusal{} : resolved.error();
}

// Creates a file and removes it after the test.
class config_on_disk {
public:
    explicit config_on_disk(const std::string& text)
        : path_{std::filesystem::path{testing::TempDir()} / name()} {
        std::ofstream{path_} << text;
    }
    ~config_on_disk() { std::filesystem::remove(path_); }
    config_on_disk(const config_on_disk&) = delete;
    config_on_disk& operator=(const config_on_disk&) = delete;

    [[nodiscard]] std::string path() const { return path_.string(); }

private:
    // Several processes may run tests at the same time.
    static std::string name() { return "resolve_test." + std::to_string(getpid()) + ".toml"; }

    std::filesystem::path path_;
};

TEST(resolve, starts_from_the_default_ports) {
    const auto made = accepted(gateway(), {});
    EXPECT_EQ(made.roles.at("gateway").port, 8000);
    EXPECT_EQ(made.roles.at("distributor").port, 9000);
    EXPECT_EQ(made.roles.at("goods").port, 9010);
}

TEST(resolve, flag_overrides_environment_overrides_file_overrides_default) {
    const config_on_disk file{"[gateway]\nport = 1\nworkers = 1\nbody_bytes_max = 1\n"};
    command_line command = gateway({{"gateway.port", "3", "--port"}});
    command.config_file = file.path();
    const auto made = accepted(command, {{"MSD_PORT", "2"}, {"MSD_WORKERS", "2"}});
    EXPECT_EQ(made.roles.at("gateway").port, 3);
    EXPECT_EQ(made.roles.at("gateway").workers, 2);
    EXPECT_EQ(made.gateway.body_bytes_max, 1U);
    EXPECT_EQ(made.gateway.header_bytes_max, 16U * 1024);
}

TEST(resolve, reads_the_file_named_by_the_environment_unless_a_flag_names_one) {
    const config_on_disk file{"host = \"::1\"\n"};
    EXPECT_EQ(accepted(gateway(), {{"MSD_CONFIG", file.path()}}).host, "::1");
    command_line command = gateway();
    command.config_file = file.path();
    EXPECT_EQ(accepted(command, {{"MSD_CONFIG", "/nonexistent"}}).host, "::1");
}

TEST(resolve, applies_the_port_of_the_environment_to_the_role_that_runs) {
    const auto made = accepted(gateway(), {{"MSD_PORT", "1"}});
    EXPECT_EQ(made.roles.at("gateway").port, 1);
    EXPECT_EQ(made.roles.at("goods").port, 9010);
    command_line up;
    up.what = verb::up;
    EXPECT_EQ(accepted(up, {{"MSD_PORT", "1"}}).roles.at("gateway").port, 8000);
}

TEST(resolve, prefers_the_variable_of_one_role) {
    command_line up;
    up.what = verb::up;
    const auto made =
        accepted(up, {{"MSD_WORKERS", "2"}, {"MSD_GOODS_WORKERS", "5"}, {"MSD_GOODS_PORT", "7"}});
    EXPECT_EQ(made.roles.at("gateway").workers, 2);
    EXPECT_EQ(made.roles.at("goods").workers, 5);
    EXPECT_EQ(made.roles.at("goods").port, 7);
}

TEST(resolve, ignores_variables_that_the_command_does_not_use) {
    const variables wrong{
        {"MSD_PORT", "x"},
        {"MSD_GATEWAY_PORT", "x"},
        {"MSD_GOODS_PORT", "x"},
        {"MSD_GOODS_WORKERS", "x"},
        {"MSD_LOG_LEVEL", "x"},
        {"MSD_STORE", "x"},
        {"MSD_CACHE", "x"},
        {"MSD_ADVERTISE", "x y"}};
    for (const verb what : {verb::nodes, verb::routes, verb::call, verb::status, verb::control}) {
        command_line command;
        command.what = what;
        EXPECT_TRUE(accepted(command, wrong).warnings.empty());
    }
    command_line status;
    status.what = verb::status;
    accepted(status, {{"MSD_DISTRIBUTOR", "x"}});
    command_line migrate;
    migrate.what = verb::migrate;
    accepted(migrate, {{"MSD_DISTRIBUTOR", "x"}, {"MSD_GOODS_PORT", "x"}});
    accepted(gateway(), {{"MSD_GOODS_PORT", "x"}, {"MSD_STORE", "x"}});
    command_line up;
    up.what = verb::up;
    accepted(up, {{"MSD_PORT", "x"}, {"MSD_DISTRIBUTOR", "x"}});
    EXPECT_EQ(refused(up, {{"MSD_GOODS_PORT", "x"}}).exit_code, exit_configuration);
}

TEST(resolve, ignores_variables_that_a_flag_overrides) {
    const auto made = accepted(
        gateway({{"gateway.port", "1", "--port"}, {"registry.distributor", "h:1", "--distributor"}}
        ),
        {{"MSD_PORT", "x"}, {"MSD_GATEWAY_PORT", "tcp://10.43.0.5:8000"}, {"MSD_DISTRIBUTOR", "x"}}
    );
    EXPECT_EQ(made.roles.at("gateway").port, 1);
    EXPECT_TRUE(made.warnings.empty());
}

TEST(resolve, ignores_the_addresses_of_a_container_platform_with_one_warning) {
    command_line up;
    up.what = verb::up;
    const auto made = accepted(
        up,
        {{"MSD_GATEWAY_PORT", "tcp://10.43.0.5:8000"}, {"MSD_GOODS_PORT", "udp://10.43.0.6:9010"}}
    );
    EXPECT_EQ(made.roles.at("gateway").port, 8000);
    EXPECT_EQ(made.roles.at("goods").port, 9010);
    ASSERT_EQ(made.warnings.size(), 1U);
    EXPECT_NE(made.warnings[0].find("MSD_GATEWAY_PORT=tcp://10.43.0.5:8000"), std::string::npos);
    EXPECT_NE(made.warnings[0].find("MSD_GOODS_PORT=udp://10.43.0.6:9010"), std::string::npos);
    EXPECT_NE(made.warnings[0].find("container platform"), std::string::npos);
    EXPECT_EQ(refused(up, {{"MSD_GATEWAY_PORT", "http://h:1"}}).exit_code, exit_configuration);
}

TEST(resolve, says_what_to_write_instead_of_the_url_of_a_distributor) {
    const auto why = refused(gateway(), {{"MSD_DISTRIBUTOR", "tcp://h:9000"}});
    EXPECT_EQ(why.exit_code, exit_configuration);
    EXPECT_EQ(why.text, "MSD_DISTRIBUTOR: \"tcp://h:9000\" is a URL, not HOST:PORT: write h:9000");
}

TEST(resolve, refuses_an_advertised_host_that_no_client_can_connect_to_as_configuration_error) {
    for (const std::string host :
         {"0.0.0.0", "::", "[::]:9010", "node 1", "-x", "a:b:c", "tcp://h:1", "0.0.0.0:9010"}) {
        const auto typed = refused(gateway({{"registry.advertise", host, "--advertise"}}), {});
        EXPECT_EQ(typed.exit_code, exit_configuration) << host;
        EXPECT_EQ(typed.text.find("--advertise: "), 0U) << typed.text;
        EXPECT_EQ(refused(gateway(), {{"MSD_ADVERTISE", host}}).exit_code, exit_configuration);
        const config_on_disk file{"[registry]\nadvertise = \"" + host + "\"\n"};
        EXPECT_EQ(refused(gateway(), {{"MSD_CONFIG", file.path()}}).exit_code, exit_configuration);
    }
}

TEST(resolve, treats_an_empty_variable_as_not_set) {
    EXPECT_EQ(accepted(gateway(), {{"MSD_PORT", ""}}).roles.at("gateway").port, 8000);
}

TEST(resolve, reads_every_general_variable) {
    const auto made = accepted(
        gateway(),
        {{"MSD_HOST", "::"},
         {"MSD_DATA_DIR", "/d"},
         {"MSD_RUNTIME_DIR", "/r"},
         {"MSD_LOG_LEVEL", "error"},
         {"MSD_LOG_FORMAT", "json"},
         {"MSD_LOG_FILE", "/l"},
         {"MSD_DISTRIBUTOR", "[::1]:9001"},
         {"MSD_ADVERTISE", "a.example"}}
    );
    EXPECT_EQ(made.host, "::");
    EXPECT_EQ(made.data_dir, "/d");
    EXPECT_EQ(made.runtime_dir, "/r");
    EXPECT_EQ(made.log.threshold, log::level::error);
    EXPECT_EQ(made.log.style, log::format::json);
    EXPECT_EQ(made.log.file, "/l");
    EXPECT_EQ(made.membership.distributor_host, "::1");
    EXPECT_EQ(made.membership.distributor_port, 9001);
    EXPECT_EQ(made.membership.advertise_host, "a.example");
    EXPECT_EQ(made.membership.advertise_port, 0);
}

TEST(resolve, seals_the_copy_of_the_file_that_workers_share) {
    const config_on_disk file{"[gateway]\nport = 8001\n"};
    command_line command = gateway();
    command.config_file = file.path();
    const auto copy = accepted(command, {}).text;
    ASSERT_TRUE(copy);
    EXPECT_EQ(pwrite(copy->get(), "x", 1, 0), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(ftruncate(copy->get(), 0), -1);
}

TEST(resolve, refuses_a_wrong_file_as_configuration_error) {
    const config_on_disk file{"[gateway]\nport = 70000\n"};
    command_line command = gateway();
    command.config_file = file.path();
    const auto why = refused(command, {});
    EXPECT_EQ(why.exit_code, 78);
    EXPECT_EQ(why.text, file.path() + ":2: gateway.port: 70000 is not between 0 and 65535");
}

TEST(resolve, refuses_a_wrong_variable_as_configuration_error) {
    const auto why = refused(gateway(), {{"MSD_PORT", "eighty"}});
    EXPECT_EQ(why.exit_code, 78);
    EXPECT_EQ(why.text, "MSD_PORT: \"eighty\" is not an integer");
}

TEST(resolve, refuses_a_wrong_flag_as_usage_error) {
    const auto why = refused(gateway({{"gateway.port", "-1", "--port"}}), {});
    EXPECT_EQ(why.exit_code, 2);
    EXPECT_EQ(why.text, "--port: -1 is not between 0 and 65535");
}

TEST(resolve, adds_the_routes_of_the_command_line) {
    const config_on_disk file{"[[gateway.routes]]\npath = \"/a\"\nservice = \"s\"\n"};
    command_line command = gateway();
    command.config_file = file.path();
    command.routes = {"/b=h:1"};
    const auto made = accepted(command, {});
    ASSERT_EQ(made.gateway.routes.size(), 2U);
    EXPECT_EQ(made.gateway.routes[0].source, file.path() + ":1");
    EXPECT_EQ(made.gateway.routes[1].source, "--route");
    command.routes = {"b=h:1"};
    const auto why = refused(command, {});
    EXPECT_EQ(why.exit_code, 2);
    EXPECT_EQ(
        why.text,
        "--route: \"b=h:1\": \"b\" must begin with / and have no query, blank or backslash"
    );
}

TEST(resolve, accepts_only_one_worker_for_a_distributor) {
    command_line command;
    command.what = verb::distributor;
    command.settings = {{"distributor.workers", "1", "--workers"}};
    EXPECT_EQ(accepted(command, {{"MSD_WORKERS", "4"}}).roles.at("distributor").workers, 0);
    command.settings = {{"distributor.workers", "2", "--workers"}};
    const auto why = refused(command, {});
    EXPECT_EQ(why.exit_code, 2);
    EXPECT_EQ(why.text, "--workers: a distributor has exactly one worker");
}

TEST(resolve, refuses_a_password_on_the_command_line_but_not_elsewhere) {
    const std::string url = "mysql://u:hush@h/d";
    const auto typed = refused(goods({{"store.url", url, "--store"}}), {});
    EXPECT_EQ(typed.exit_code, exit_usage);
    EXPECT_NE(typed.text.find("MSD_STORE_PASSWORD"), std::string::npos);
    EXPECT_EQ(typed.text.find("hush"), std::string::npos);
    EXPECT_EQ(accepted(goods(), {{"MSD_STORE", url}}).service.store.url, url);
    const auto plain = goods({{"store.url", "mysql://u@h/d", "--store"}});
    EXPECT_EQ(accepted(plain, {}).service.store.url, "mysql://u@h/d");
}

TEST(resolve, shows_the_form_of_a_store_url_without_repeating_the_value) {
    const auto wrong = refused(goods(), {{"MSD_STORE", "mysql://u:hush@/d"}});
    EXPECT_EQ(wrong.exit_code, exit_configuration);
    EXPECT_NE(wrong.text.find("mysql://USER@HOST:PORT/DATABASE"), std::string::npos);
    EXPECT_EQ(wrong.text.find("hush"), std::string::npos);
}

} // namespace
} // namespace msd::app
