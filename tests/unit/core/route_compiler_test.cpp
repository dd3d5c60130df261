// SPDX-License-Identifier: Apache-2.0
#include "core/configured_routes.hpp"

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace msd::core {
namespace {

route_settings written_at(int line, std::string path) {
    route_settings made;
    made.source = "msd.toml:" + std::to_string(line);
    made.path = std::move(path);
    made.service = "api";
    return made;
}

std::string why_not(std::vector<route_settings> written) {
    const auto made = configured_routes::compile(std::move(written));
    return made ? "" : made.error().text;
}

// Why a route with one change is refused.
template <class Change>
std::string why_not_with(const Change& change) {
    route_settings route = written_at(7, "/api/");
    change(route);
    return why_not({route});
}

TEST(route_compiler, gives_each_route_what_requests_need) {
    route_settings stripped = written_at(1, "/api/{id}/");
    stripped.strip_prefix = true;
    route_settings named = written_at(2, "/x");
    named.name = "ex";
    named.service.clear();
    named.split = {{"a", 95}, {"b", 5}};
    const auto made = configured_routes::compile({stripped, named});
    ASSERT_TRUE(made) << made.error().text;
    const auto& routes = (*made)->all();
    EXPECT_EQ(routes[0].settings.name, "/api/{id}/");
    EXPECT_EQ(routes[0].stripped, "/api/{id}");
    EXPECT_EQ(routes[0].segments, 2U);
    EXPECT_EQ(routes[0].places, std::vector<std::size_t>{1});
    EXPECT_EQ(routes[0].variables, std::vector<std::string>{"id"});
    EXPECT_TRUE(routes[0].is_prefix);
    EXPECT_EQ(routes[1].settings.name, "ex");
    EXPECT_EQ(routes[1].weights, 100U);
    EXPECT_FALSE(routes[1].is_prefix);
    EXPECT_EQ(routes[1].stripped, "");
}

TEST(route_compiler, refuses_two_routes_for_the_same_requests) {
    EXPECT_EQ(
        why_not({written_at(3, "/a/{x}"), written_at(9, "/a/{y}")}),
        R"(msd.toml:9: path: this route and "/a/{x}" (msd.toml:3) are for the same requests)"
    );
    route_settings get = written_at(4, "/a");
    get.methods = {"GET", "PUT"};
    route_settings put = written_at(5, "/%61");
    put.methods = {"POST", "PUT"};
    EXPECT_EQ(
        why_not({get, put}),
        R"(msd.toml:5: path: this route and "/a" (msd.toml:4) are for PUT requests)"
    );
    route_settings host = written_at(6, "/");
    host.hosts = {"a.test", "B.test"};
    route_settings other = written_at(8, "/");
    other.hosts = {"b.test"};
    EXPECT_NE(why_not({host, other}), "");
    other.hosts = {"*.b.test"};
    EXPECT_EQ(why_not({host, other, written_at(9, "/"), get}), "");
    host.hosts = {"a.test", "A.test"};
    EXPECT_EQ(why_not({host}), "msd.toml:6: hosts: the route has a host or a method twice");
    get.methods = {"GET", "GET"};
    EXPECT_EQ(why_not({get}), "msd.toml:4: methods: the route has a host or a method twice");
}

TEST(route_compiler, names_source_and_key_of_a_wrong_path) {
    for (const char* const path :
         {"",
          "api",
          "/a b",
          "/a?b",
          "/a#b",
          "/a\\b",
          "/a//b",
          "/a/../b",
          "/./a",
          "/%2e/a",
          "/%zz",
          "/%00",
          "/a{b}",
          "/{}",
          "/{a}b",
          "/{a}/{a}",
          "/a}",
          "/{a{b}"}) {
        const std::string why = why_not_with([path](route_settings& route) { route.path = path; });
        EXPECT_TRUE(why.starts_with("msd.toml:7: path: ")) << path << ": " << why;
    }
    EXPECT_EQ(why_not_with([](route_settings& route) { route.path = "/.well-known/x"; }), "");
    EXPECT_NE(
        why_not_with([](route_settings& route) { route.path = "/" + std::string(1024, 'a'); }),
        ""
    );
    std::string deep;
    for (int segment = 0; segment < 32; ++segment) {
        deep += "/a";
    }
    EXPECT_EQ(why_not_with([&deep](route_settings& route) { route.path = deep; }), "");
    EXPECT_NE(why_not_with([&deep](route_settings& route) { route.path = deep + "/"; }), "");
}

TEST(route_compiler, names_the_key_of_any_other_mistake) {
    using change = void (*)(route_settings&);
    const std::vector<std::pair<std::string, change>> mistakes{
        {"name",
         [](route_settings& r) {
             r.name = "a\nb";
         }},
        {"hosts",
         [](route_settings& r) {
             r.hosts = {"a.test:80"};
         }},
        {"hosts",
         [](route_settings& r) {
             r.hosts = {""};
         }},
        {"hosts",
         [](route_settings& r) {
             r.hosts = {"*.*.test"};
         }},
        {"hosts",
         [](route_settings& r) {
             r.hosts = {"*"};
         }},
        {"hosts",
         [](route_settings& r) {
             r.hosts = {"a/b"};
         }},
        {"methods",
         [](route_settings& r) {
             r.methods = {"get"};
         }},
        {"methods",
         [](route_settings& r) {
             r.methods = {"G T"};
         }},
        {"methods",
         [](route_settings& r) {
             r.methods = {"CONNECT"};
         }},
        {"methods",
         [](route_settings& r) {
             r.methods = {"TRACE"};
         }},
        {"service",
         [](route_settings& r) {
             r.service.clear();
         }},
        {"service",
         [](route_settings& r) {
             r.split = {{"b", 1}};
         }},
        {"service",
         [](route_settings& r) {
             r.respond.emplace();
         }},
        {"service",
         [](route_settings& r) {
             r.service = "a\x01";
         }},
        {"strip_prefix",
         [](route_settings& r) {
             r.path = "/a";
             r.strip_prefix = true;
         }},
        {"timeout_ms",
         [](route_settings& r) {
             r.timeout = milliseconds{-1};
         }},
        {"split",
         [](route_settings& r) {
             r.service.clear();
             r.split = {{"a", 0}};
         }},
        {"split",
         [](route_settings& r) {
             r.service.clear();
             r.split = {{"a", 1}, {"a", 2}};
         }},
        {"redirect",
         [](route_settings& r) {
             r.service.clear();
             r.redirect = {200, "/x"};
         }},
        {"redirect",
         [](route_settings& r) {
             r.service.clear();
             r.redirect = {302, "/x\r\nSet-Cookie: a=b"};
         }},
        {"respond",
         [](route_settings& r) {
             r.service.clear();
             r.respond = {100, "text/plain", ""};
         }},
        {"respond",
         [](route_settings& r) {
             r.service.clear();
             r.respond = {204, "text/plain", "x"};
         }},
        {"respond",
         [](route_settings& r) {
             r.service.clear();
             r.respond = {200, "text/plain\r\nX: y", "x"};
         }},
    };
    for (const auto& [key, make] : mistakes) {
        const std::string why = why_not_with(make);
        EXPECT_TRUE(why.starts_with("msd.toml:7: " + key + ": ")) << key << ": " << why;
    }
}

TEST(route_compiler, finds_each_of_many_routes) {
    std::vector<route_settings> written;
    for (int number = 0; number < 10'000; ++number) {
        const std::string base = "/service" + std::to_string(number);
        written.push_back(written_at(number, number % 3 == 0 ? base + "/{id}" : base + "/"));
        written.back().service = base;
        if (number % 5 == 0) {
            written.back().hosts = {"h" + std::to_string(number) + ".test"};
        }
    }
    const auto made = configured_routes::compile(written);
    ASSERT_TRUE(made) << made.error().text;
    for (int number = 0; number < 10'000; ++number) {
        const std::string raw = "/service" + std::to_string(number) + "/7";
        const auto path = request_path::read(raw);
        const std::string host = "h" + std::to_string(number) + ".test";
        const auto found = (*made)->find("GET", host, *path);
        ASSERT_NE(found.route, nullptr) << raw;
        EXPECT_EQ(found.route->settings.source, "msd.toml:" + std::to_string(number));
    }
}

TEST(route_compiler, a_path_that_fits_many_branches_costs_a_bounded_number_of_them) {
    // Every combination of literals and variables up to this depth.
    std::vector<route_settings> written;
    constexpr int depth = 11;
    for (int bits = 0; bits < 1 << depth; ++bits) {
        std::string path;
        for (int at = 0; at < depth; ++at) {
            path += (bits >> at) % 2 == 0 ? "/a" : "/{v" + std::to_string(at) + "}";
        }
        written.push_back(written_at(bits, path + "/end"));
    }
    const auto made = configured_routes::compile(written);
    ASSERT_TRUE(made) << made.error().text;
    std::string path;
    for (int at = 0; at < depth; ++at) {
        path += "/a";
    }
    EXPECT_NE((*made)->find("GET", "", *request_path::read(path + "/end")).route, nullptr);
    EXPECT_EQ((*made)->find("GET", "", *request_path::read(path + "/none")).route, nullptr);
}

TEST(request_path, forwards_what_was_received_unless_there_are_dot_segments) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"/a/b", "/a/b"},
        {"//a//b/", "//a//b/"},
        {"/a%20b/%C3%BC", "/a%20b/%C3%BC"},
        {"/.well-known/x", "/.well-known/x"},
        {"/a/./b", "/a/b"},
        {"/a/%2E%2e/b%20c", "/b%20c"},
        {"/a/..", "/"},
        {"/a//b/../c/", "/a/c/"},
        {"/a/b/.", "/a/b/"},
    };
    for (const auto& [raw, wanted] : cases) {
        const auto read = request_path::read(raw);
        ASSERT_TRUE(read) << raw;
        EXPECT_EQ(read->forwarded(), wanted) << raw;
        EXPECT_EQ(read->is_as_received(), raw == wanted) << raw;
    }
}

TEST(request_path, what_follows_a_prefix_begins_with_one_slash) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"/api/x", "/x"},
        {"/api/", "/"},
        {"/%61pi/x/y", "/x/y"},
        {"/api//evil.test/", "/evil.test/"},
        {"//api///x", "/x"},
        {"/b/../api/x", "/x"},
    };
    for (const auto& [raw, wanted] : cases) {
        const auto read = request_path::read(raw);
        ASSERT_TRUE(read) << raw;
        EXPECT_EQ(read->forwarded().substr(read->prefix_bytes(1)), wanted) << raw;
    }
}

} // namespace
} // namespace msd::core
