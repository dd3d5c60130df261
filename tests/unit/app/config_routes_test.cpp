// SPDX-License-Identifier: Apache-2.0
#include "app/config_file.hpp"
#include "app/route_flag.hpp"
#include "unit/app/roles_for_tests.hpp"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::app {
namespace {

using core::route_settings;
using core::upstream_program_settings;
using texts = std::vector<std::string>;

const config_schema& schema() {
    static const config_schema made{test_roles};
    return made;
}

gateway::gateway_settings accepted(std::string_view text) {
    configuration made = schema().defaults();
    const auto read = read_config(text, "msd.toml", schema(), made);
    EXPECT_TRUE(read) << read.error().text;
    return made.gateway;
}

std::string refusal(std::string_view text) {
    configuration made = schema().defaults();
    const auto read = read_config(text, "msd.toml", schema(), made);
    return read ? "accepted" : read.error().text;
}

// A route with a path, a service and `more`, in one line.
std::string refusal_of_route(const std::string& more) {
    return refusal("[[gateway.routes]]\nservice = \"a\"\n" + more + "\n");
}

TEST(config_routes, are_read_with_all_their_keys) {
    const auto routes = accepted(R"(
[[gateway.routes]]
name = "api"
hosts = ["Shop.Example", "*.shop.example", "[::1]"]
path = "/api/"
methods = ["GET", "PROPFIND"]
service = "api-service"
strip_prefix = true
timeout_ms = 3000
body_bytes_max = 10485760

[[gateway.routes]]
path = "/users/{id}"
split = { stable = 95, canary = 5 }
split_by = "cookie"
)")
                            .routes;
    ASSERT_EQ(routes.size(), 2U);
    EXPECT_EQ(routes[0].name, "api");
    EXPECT_EQ(routes[0].source, "msd.toml:2");
    EXPECT_EQ(routes[0].hosts, (texts{"shop.example", "*.shop.example", "[::1]"}));
    EXPECT_EQ(routes[0].path, "/api/");
    EXPECT_EQ(routes[0].methods, (texts{"GET", "PROPFIND"}));
    EXPECT_EQ(routes[0].service, "api-service");
    EXPECT_TRUE(routes[0].strip_prefix);
    EXPECT_EQ(routes[0].timeout, milliseconds{3000});
    EXPECT_EQ(routes[0].body_bytes_max, 10485760U);
    EXPECT_EQ(routes[1].name, "/users/{id}");
    EXPECT_EQ(routes[1].source, "msd.toml:12");
    EXPECT_TRUE(routes[1].service.empty());
    EXPECT_EQ(
        routes[1].split,
        (std::vector<std::pair<std::string, unsigned>>{{"stable", 95}, {"canary", 5}})
    );
    EXPECT_EQ(routes[1].split_by, route_settings::share_key::cookie);
    EXPECT_FALSE(routes[1].body_bytes_max);
}

TEST(config_routes, can_reply_without_a_service) {
    const auto routes = accepted(R"(
[[gateway.routes]]
path = "/old/"
redirect = { status = 308, location = "https://new.example{path}" }
[[gateway.routes]]
path = "/robots.txt"
[gateway.routes.respond]
type = "text/plain"
body = """
User-agent: *
Disallow: /
"""
)")
                            .routes;
    ASSERT_EQ(routes.size(), 2U);
    ASSERT_TRUE(routes[0].redirect);
    EXPECT_EQ(routes[0].redirect->status, 308);
    EXPECT_EQ(routes[0].redirect->location, "https://new.example{path}");
    EXPECT_FALSE(routes[0].respond);
    ASSERT_TRUE(routes[1].respond);
    EXPECT_EQ(routes[1].respond->status, 200);
    EXPECT_EQ(routes[1].respond->type, "text/plain");
    EXPECT_EQ(routes[1].respond->body, "User-agent: *\nDisallow: /\n");
}

TEST(config_routes, may_be_inline_tables) {
    const auto routes = accepted("[gateway]\nroutes = [\n{ path = \"/a\", service = \"a\" },\n"
                                 "{ path = \"/b\", service = \"b\" },\n]\n")
                            .routes;
    ASSERT_EQ(routes.size(), 2U);
    EXPECT_EQ(routes[0].source, "msd.toml:3");
    EXPECT_EQ(routes[1].source, "msd.toml:4");
}

TEST(config_routes, report_every_mistake_with_its_line_and_key) {
    EXPECT_EQ(
        refusal("[[gateway.routes]]\n"
                "path = \"api\"\n"
                "servise = \"a\"\n"
                "[[gateway.routes]]\n"
                "path = \"/b\"\n"
                "service = \"b\"\n"
                "methods = [\"GET\", \"get\"]\n"
                "timeout_ms = \"3\"\n"),
        "msd.toml:2: gateway.routes.path: \"api\" must begin with / and have no query, blank or "
        "backslash\n"
        "msd.toml:3: gateway.routes.servise: unknown key; did you mean gateway.routes.service?\n"
        "msd.toml:7: gateway.routes.methods: \"get\": did you mean GET?\n"
        "msd.toml:8: gateway.routes.timeout_ms: expected an integer, got a string"
    );
}

TEST(config_routes, need_a_path_and_exactly_one_target) {
    EXPECT_EQ(
        refusal("[[gateway.routes]]\nservice = \"a\"\n"),
        "msd.toml:1: gateway.routes.path: is missing"
    );
    EXPECT_EQ(
        refusal("[[gateway.routes]]\npath = \"/\"\n"),
        "msd.toml:1: gateway.routes: needs one of service, split, redirect and respond"
    );
    EXPECT_EQ(
        refusal("[[gateway.routes]]\npath = \"/\"\nservice = \"a\"\nsplit = { b = 1 }\n"),
        "msd.toml:1: gateway.routes: has service and split: only one is allowed"
    );
    EXPECT_EQ(
        refusal("[[gateway.routes]]\npath = \"/\"\nredirect = { status = 301 }\n"),
        "msd.toml:3: gateway.routes.redirect.location: is missing"
    );
    EXPECT_EQ(
        refusal("[[gateway.routes]]\npath = \"/a\"\nservice = \"a\"\nstrip_prefix = true\n"),
        "msd.toml:4: gateway.routes.strip_prefix: needs a path that ends in /"
    );
}

TEST(config_routes, refuse_values_of_the_wrong_form) {
    const std::pair<const char*, const char*> wrong[] = {
        {R"(path = "/a?b")",
         R"(path: "/a?b" must begin with / and have no query, blank or backslash)"},
        {R"(path = "/a/../b")",
         R"(path: "/a/../b" must have correct percent-escapes, and no empty or dot segments)"},
        {R"(path = "/{a}/{a}")", R"(path: "/{a}/{a}" has {a} twice)"},
        {R"(hosts = ["a.example:80"])",
         R"(hosts: "a.example:80" is not a host: write shop.example, *.shop.example or [::1], )"
         R"(without a port)"},
        {R"(hosts = "a.example")", "hosts: expected an array of strings, got a string"},
        {R"(hosts = ["a", 1])", "hosts: entry 2: expected a string, got an integer"},
        {R"(methods = ["TRACE"])", "methods: TRACE requests are not forwarded"},
        {R"(methods = ["A B"])", R"(methods: "A B" is not a method)"},
        {R"(split = { a = 0 })", "split: needs a share above 0"},
        {R"(split = { a = -1 })", "split: a: -1 is not between 0 and 1000000"},
        {R"(split = { a = "1" })", "split: a: expected an integer, got a string"},
        {R"(split = 5)", "split: expected a table of names with integers, got an integer"},
        {R"(split_by = "cokie")",
         R"(split_by: "cokie" is not one of request, client, cookie; did you mean cookie?)"},
        {R"(redirect = { status = 304 })",
         "redirect.status: 304 is not one of 301, 302, 303, 307, 308"},
        {R"(redirect = { to = "/" })", "redirect.to: unknown key"},
        {R"(redirect = { location = "{path}{uri}" })",
         R"(redirect.location: "{uri}" is neither {path} nor {query})"},
        {R"(redirect = { location = "/{path" })",
         R"(redirect.location: "{path" is neither {path} nor {query})"},
        {R"(redirect = { location = "/}" })",
         R"(redirect.location: "}" is neither {path} nor {query})"},
        {R"(respond = 5)", "respond: is a table, write { … }"},
        {R"(respond = { body = "a\u0000" })", "respond.body: contains a control character"},
        {R"(name = "a\nb")", "name: contains a control character"},
    };
    for (const auto& [line, message] : wrong) {
        EXPECT_EQ(refusal_of_route(line), "msd.toml:3: gateway.routes." + std::string{message});
    }
}

TEST(config_routes, refuse_a_share_that_no_request_has) {
    const std::string route = "[[gateway.routes]]\npath = \"/\"\n";
    EXPECT_EQ(
        refusal(route + "split = { a = 10000, b = 1 }\n"),
        "msd.toml:3: gateway.routes.split: b: less than 1 of 10000 parts is no share"
    );
    EXPECT_EQ(refusal(route + "split = { a = 9999, b = 1 }\n"), "accepted");
    EXPECT_EQ(refusal(route + "split = { a = 1000000, b = 0 }\n"), "accepted");
}

TEST(config_routes, are_an_array_of_tables) {
    EXPECT_EQ(
        refusal("[gateway.routes]\npath = \"/\"\n"),
        "msd.toml:1: gateway.routes: expected tables, got a table; write [[gateway.routes]]"
    );
    EXPECT_EQ(
        refusal("[gateway]\nroutes = [1]\n"),
        "msd.toml:2: gateway.routes: expected a table, got an integer"
    );
}

TEST(config_programs, start_from_the_default_wherever_it_stands) {
    const auto programs = accepted(R"(
[upstream.api]
addresses = ["http://127.0.0.1:8081/", "[::1]:80", "app.internal:8080"]
host = "upstream"
idle_connections_max = 2

[upstream]
ping_idle_ms = 500

[upstream.default]
connect_timeout_ms = 100
forwarded = true
idle_connections_max = 1
)")
                              .programs;
    ASSERT_EQ(programs.size(), 2U);
    EXPECT_EQ(programs[0].name, "default");
    EXPECT_EQ(programs[0].source, "msd.toml:10");
    EXPECT_EQ(programs[1].name, "api");
    EXPECT_EQ(programs[1].source, "msd.toml:2");
    EXPECT_EQ(programs[1].addresses, (texts{"127.0.0.1:8081", "[::1]:80", "app.internal:8080"}));
    EXPECT_EQ(programs[1].host, upstream_program_settings::host_field::upstream);
    EXPECT_TRUE(programs[1].forwarded);
    EXPECT_EQ(programs[1].connect_timeout, milliseconds{100});
    EXPECT_EQ(programs[1].idle_connections_max, 2U);
    EXPECT_EQ(programs[0].idle_connections_max, 1U);
    EXPECT_EQ(programs[0].host, upstream_program_settings::host_field::keep);
}

TEST(config_programs, report_mistakes_with_the_name_of_the_service) {
    const std::pair<const char*, const char*> wrong[] = {
        {"[upstream.api]\naddreses = []",
         "2: upstream.api.addreses: unknown key; did you mean "
         "upstream.api.addresses?"},
        {"[upstream.api]\naddresses = [\"here\"]",
         "2: upstream.api.addresses: \"here\" is not HOST:PORT"},
        {"[upstream.api]\naddresses = [\"a b:80\"]",
         "2: upstream.api.addresses: \"a b:80\" is not HOST:PORT"},
        {"[upstream.api]\naddresses = [\"https://a:443\"]",
         "2: upstream.api.addresses: \"https://a:443\": programs are called without TLS, write "
         "http://HOST:PORT"},
        {"[upstream.default]\naddresses = [\"a:80\"]",
         "2: upstream.default.addresses: belong to a service: write [upstream.NAME]"},
        {"[upstream.\"a/b\"]\n", "1: upstream.a/b: is not the name of a service"},
        {"[upstream.ping_idle_ms]\nx = 1\n",
         "1: upstream.ping_idle_ms: expected an integer, got a table"},
        {"[upstream]\nping_idel_ms = 1\n",
         "2: upstream.ping_idel_ms: unknown key; did you mean upstream.ping_idle_ms?"},
        {"upstream = 1\n", "1: upstream: is a section, write [upstream]"},
    };
    for (const auto& [text, message] : wrong) {
        EXPECT_EQ(refusal(text), std::string{"msd.toml:"} + message);
    }
}

TEST(config_routes, that_mean_the_same_contradict_each_other) {
    configuration made = schema().defaults();
    ASSERT_TRUE(read_config(
        "[[gateway.routes]]\npath = \"/a\"\nservice = \"a\"\n"
        "[[gateway.routes]]\npath = \"/a\"\nservice = \"b\"\n",
        "msd.toml",
        schema(),
        made
    ));
    const auto fits = check_together(made);
    ASSERT_FALSE(fits);
    EXPECT_EQ(
        fits.error().text,
        "msd.toml:4: gateway.routes.path: this route and \"/a\" (msd.toml:1) are for the same "
        "requests"
    );
}

TEST(config_routes, that_mean_the_same_as_a_flag_contradict_it) {
    configuration made = schema().defaults();
    ASSERT_TRUE(add_route_flags(made.gateway, {"/a=h:1", "/%61=h:1"}));
    const auto fits = check_together(made);
    ASSERT_FALSE(fits);
    EXPECT_TRUE(fits.error().text.starts_with("--route: path: ")) << fits.error().text;
}

TEST(trusted_proxies, are_addresses_and_ranges) {
    const auto proxies =
        accepted("gateway.trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n").trusted_proxies;
    EXPECT_TRUE(proxies.contains("10.1.2.3"));
    EXPECT_TRUE(proxies.contains("::1"));
    EXPECT_FALSE(proxies.contains("11.0.0.1"));
    EXPECT_TRUE(accepted("").trusted_proxies.empty());
    EXPECT_TRUE(refusal("gateway.trusted_proxies = [\"10.0.0.0/8,::1\"]\n")
                    .starts_with("msd.toml:1: gateway.trusted_proxies: "));
    EXPECT_TRUE(refusal("gateway.trusted_proxies = [\"proxy\"]\n")
                    .starts_with("msd.toml:1: gateway.trusted_proxies: "));
}

TEST(live_keys, are_those_that_running_workers_apply) {
    texts live;
    for (const config_key& key : schema().keys()) {
        if (key.live) {
            live.push_back(key.name);
            EXPECT_FALSE(key.needs_restart) << key.name;
            const bool is_upstream = key.name == "upstream.*";
            EXPECT_EQ(key.readers, is_upstream ? readers::registered : readers::gateway)
                << key.name;
        }
    }
    EXPECT_EQ(
        live,
        (texts{
            "gateway.cors",
            "gateway.connections_per_client_max",
            "gateway.limit",
            "gateway.trusted_proxies",
            "gateway.routes",
            "upstream.*"})
    );
}

configuration read_of(std::string_view text) {
    configuration made = schema().defaults();
    EXPECT_TRUE(read_config(text, "msd.toml", schema(), made));
    return made;
}

TEST(keys_with_entries, are_compared_and_copied_as_a_whole) {
    const configuration one = read_of("[[gateway.routes]]\npath = \"/\"\nservice = \"a\"\n");
    const configuration other = read_of("[[gateway.routes]]\npath = \"/\"\nservice = \"b\"\n");
    const configuration moved = read_of("\n[[gateway.routes]]\npath = \"/\"\nservice = \"a\"\n");
    const config_key& routes = *schema().find("gateway.routes");
    EXPECT_TRUE(routes.is_same(one, one));
    EXPECT_FALSE(routes.is_same(one, other));
    EXPECT_FALSE(routes.is_same(one, moved)) << "lists show the line";
    EXPECT_FALSE(routes.is_same(one, schema().defaults()));
    configuration copy = schema().defaults();
    ASSERT_TRUE(routes.copy(copy, other));
    EXPECT_TRUE(routes.is_same(copy, other));
}

TEST(route_flag, adds_a_route_with_its_programs) {
    gateway::gateway_settings made = accepted("[upstream.default]\nconnect_timeout_ms = 100\n");
    ASSERT_TRUE(add_route_flags(made, {"/=http://127.0.0.1:3000", "/api/=127.0.0.1:1,[::1]:2"}));
    ASSERT_EQ(made.routes.size(), 2U);
    EXPECT_EQ(made.routes[1].path, "/api/");
    EXPECT_EQ(made.routes[1].name, "/api/");
    EXPECT_EQ(made.routes[1].source, "--route");
    EXPECT_FALSE(made.routes[1].strip_prefix);
    ASSERT_EQ(made.programs.size(), 3U);
    EXPECT_EQ(made.programs[1].addresses, (texts{"127.0.0.1:3000"}));
    EXPECT_EQ(made.programs[2].name, made.routes[1].service);
    EXPECT_EQ(made.programs[2].addresses, (texts{"127.0.0.1:1", "[::1]:2"}));
    EXPECT_EQ(made.programs[2].connect_timeout, milliseconds{100});
}

TEST(route_flag, overrides_routes_of_the_file_with_the_same_meaning) {
    gateway::gateway_settings made =
        accepted("[[gateway.routes]]\npath = \"/a\"\nservice = \"s\"\n"
                 "[[gateway.routes]]\npath = \"/a\"\nhosts = [\"h\"]\nservice = \"s\"\n");
    ASSERT_TRUE(add_route_flags(made, {"/a=h:1"}));
    ASSERT_EQ(made.routes.size(), 2U);
    EXPECT_EQ(made.routes[0].hosts, texts{"h"});
    EXPECT_EQ(made.routes[1].source, "--route");
}

TEST(route_flag, explains_what_is_wrong) {
    const auto refused = [](const texts& flags) {
        gateway::gateway_settings made;
        const auto added = add_route_flags(made, flags);
        return added ? "accepted" : added.error().text;
    };
    EXPECT_EQ(
        refused({"/api/"}),
        "\"/api/\": is not PATH=ADDRESS,…, for example /api/=127.0.0.1:8081"
    );
    EXPECT_EQ(
        refused({"api=h:1"}),
        "\"api=h:1\": \"api\" must begin with / and have no query, blank or backslash"
    );
    EXPECT_EQ(refused({"/=h:1,"}), "\"/=h:1,\": \"\" is not HOST:PORT");
    EXPECT_EQ(refused({"/=h"}), "\"/=h\": \"h\" is not HOST:PORT");
    EXPECT_EQ(refused({"/=h:1", "/=h:2"}), "\"/=h:2\": another --route has the path /");
}

} // namespace
} // namespace msd::app
