// SPDX-License-Identifier: Apache-2.0
#include "app/live_settings.hpp"
#include "base/unique_fd.hpp"
#include "unit/app/roles_for_tests.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <string_view>

namespace msd::app {
namespace {

const char* no_variable(const char*) {
    return nullptr;
}

unique_fd file_with(std::string_view text) {
    unique_fd made{memfd_create("test", MFD_CLOEXEC)};
    EXPECT_EQ(write(made.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    return made;
}

command_line gateway_command() {
    command_line made;
    made.what = verb::gateway;
    made.config_file = "msd.toml";
    made.routes = {"/flag=h:1"};
    return made;
}

TEST(live_settings, take_only_live_keys_from_the_changed_file) {
    const unique_fd file = file_with("[gateway]\n"
                                     "body_bytes_max = 5\n"
                                     "trusted_proxies = [\"10.0.0.0/8\"]\n"
                                     "[[gateway.routes]]\n"
                                     "path = \"/new\"\n"
                                     "service = \"a\"\n"
                                     "[upstream.a]\n"
                                     "addresses = [\"h:2\"]\n");
    gateway::gateway_settings running;
    running.body_bytes_max = 77;
    running.routes.resize(3);
    const auto made =
        with_live_keys(running, gateway_command(), test_roles, no_variable, file.get());
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(made->body_bytes_max, 77U) << "needs a roll";
    ASSERT_EQ(made->routes.size(), 2U);
    EXPECT_EQ(made->routes[0].path, "/new");
    EXPECT_EQ(made->routes[0].source, "msd.toml:4");
    EXPECT_EQ(made->routes[1].path, "/flag");
    EXPECT_EQ(made->programs.size(), 2U);
    EXPECT_TRUE(made->trusted_proxies.contains("10.0.0.1"));
}

TEST(live_settings, report_every_mistake_of_the_changed_file) {
    const unique_fd file = file_with("[[gateway.routes]]\nx = 1\n[gateway]\nport = 1\n");
    const auto made = with_live_keys({}, gateway_command(), test_roles, no_variable, file.get());
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.error().text.starts_with("msd.toml:2: gateway.routes.x: unknown key"))
        << made.error().text;
}

TEST(live_settings, have_only_the_routes_of_the_command_line_without_a_file) {
    command_line command = gateway_command();
    command.config_file.clear();
    const auto made = with_live_keys({}, command, test_roles, no_variable, -1);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(made->routes.size(), 1U);
}

} // namespace
} // namespace msd::app
