// SPDX-License-Identifier: Apache-2.0
#include "core/configured_routes.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace msd::core {
namespace {

using precision = configured_routes::precision;
using table_ptr = std::shared_ptr<const configured_routes>;

route_settings to(std::string service, std::string path) {
    route_settings made;
    made.source = "msd.toml:" + std::to_string(path.size());
    made.path = std::move(path);
    made.service = std::move(service);
    return made;
}

route_settings of_host(std::string service, std::vector<std::string> hosts, std::string path) {
    route_settings made = to(std::move(service), std::move(path));
    made.hosts = std::move(hosts);
    return made;
}

route_settings
for_methods(std::string service, std::vector<std::string> methods, std::string path) {
    route_settings made = to(std::move(service), std::move(path));
    made.methods = std::move(methods);
    return made;
}

table_ptr compiled(std::vector<route_settings> written) {
    auto made = configured_routes::compile(std::move(written));
    EXPECT_TRUE(made) << made.error().text;
    return made.value_or(nullptr);
}

std::string service_of(
    const table_ptr& table,
    std::string_view path,
    std::string_view host = "",
    std::string_view method = "GET"
) {
    const auto read = request_path::read(path);
    if (!read) {
        return "malformed";
    }
    const auto found = table->find(method, host, *read);
    return found.route == nullptr ? "" : found.route->settings.service;
}

TEST(configured_routes, prefers_exact_paths_then_patterns_then_the_longest_prefix) {
    const auto table = compiled({
        to("all", "/"),
        to("api", "/api/"),
        to("v2", "/api/v2/"),
        to("user", "/api/{kind}"),
        to("me", "/api/me"),
        to("photos", "/api/{kind}/photos/"),
    });
    EXPECT_EQ(service_of(table, "/api/me"), "me");
    EXPECT_EQ(service_of(table, "/api/7"), "user");
    EXPECT_EQ(service_of(table, "/api/v2/x/y"), "v2");
    EXPECT_EQ(service_of(table, "/api/v2"), "user") << "a prefix needs its slash";
    EXPECT_EQ(service_of(table, "/api/x/y"), "api");
    EXPECT_EQ(service_of(table, "/api/x/photos/1"), "photos");
    EXPECT_EQ(service_of(table, "/api/"), "api") << "a variable is not empty";
    EXPECT_EQ(service_of(table, "/api"), "all");
    EXPECT_EQ(service_of(table, "/"), "all");
    EXPECT_EQ(service_of(table, "/apiary"), "all");
}

TEST(configured_routes, prefers_the_literal_segment_at_the_first_difference) {
    const auto table = compiled({
        to("one", "/a/{x}/c/{y}"),
        to("other", "/a/{x}/{z}/d"),
        to("first", "/{v}/b/c/d"),
        to("deep", "/{v}/{w}/"),
        to("shallow", "/a/"),
    });
    EXPECT_EQ(service_of(table, "/a/1/c/d"), "one");
    EXPECT_EQ(service_of(table, "/a/1/x/d"), "other");
    EXPECT_EQ(service_of(table, "/a/b/c/d"), "one");
    EXPECT_EQ(service_of(table, "/z/b/c/d"), "first");
    EXPECT_EQ(service_of(table, "/a/1/q"), "deep") << "the prefix with more segments";
    EXPECT_EQ(service_of(table, "/a/1"), "shallow");
    EXPECT_EQ(service_of(table, "/b"), "");
}

TEST(configured_routes, prefers_the_host_then_the_longest_wildcard_then_every_host) {
    const auto table = compiled({
        to("any", "/"),
        to("health", "/health"),
        of_host("shop", {"Shop.example"}, "/"),
        of_host("wild", {"*.example"}, "/"),
        of_host("longer", {"*.shop.example"}, "/"),
        of_host("v6", {"[::1]"}, "/"),
        of_host("only-api", {"api.test"}, "/api/"),
    });
    EXPECT_EQ(service_of(table, "/", "shop.example"), "shop");
    EXPECT_EQ(service_of(table, "/", "SHOP.example:8000"), "shop");
    EXPECT_EQ(service_of(table, "/", "shop.example."), "shop");
    EXPECT_EQ(service_of(table, "/", "a.shop.example"), "longer");
    EXPECT_EQ(service_of(table, "/", "a.b.shop.example"), "longer");
    EXPECT_EQ(service_of(table, "/", "other.example"), "wild");
    EXPECT_EQ(service_of(table, "/", "example"), "any") << "the star stands for a label";
    EXPECT_EQ(service_of(table, "/", ".example"), "any");
    EXPECT_EQ(service_of(table, "/", "[::1]:80"), "v6");
    EXPECT_EQ(service_of(table, "/", ""), "any");
    EXPECT_EQ(service_of(table, "/health", "shop.example"), "shop") << "the host counts first";
    EXPECT_EQ(service_of(table, "/health", "api.test"), "health") << "none of the host fits";
    EXPECT_EQ(service_of(table, "/api/x", "api.test"), "only-api");
    const auto path = *request_path::read("/");
    EXPECT_TRUE(table->find("GET", "shop.example", path).is_of_host);
    EXPECT_FALSE(table->find("GET", "api.test", path).is_of_host);
}

TEST(configured_routes, chooses_by_method_and_says_which_there_are) {
    const auto table = compiled({
        for_methods("reader", {"GET"}, "/x"),
        for_methods("writer", {"POST", "PUT"}, "/x"),
        to("rest", "/x/"),
        for_methods("deleter", {"DELETE"}, "/y"),
        to("others", "/y"),
        for_methods("head", {"HEAD"}, "/z"),
        for_methods("get", {"GET"}, "/z"),
    });
    EXPECT_EQ(service_of(table, "/x", "", "GET"), "reader");
    EXPECT_EQ(service_of(table, "/x", "", "HEAD"), "reader");
    EXPECT_EQ(service_of(table, "/x", "", "PUT"), "writer");
    EXPECT_EQ(service_of(table, "/x", "", "PATCH"), "");
    EXPECT_EQ(service_of(table, "/y", "", "DELETE"), "deleter");
    EXPECT_EQ(service_of(table, "/y", "", "PURGE"), "others");
    EXPECT_EQ(service_of(table, "/z", "", "HEAD"), "head");
    std::set<std::string_view> methods;
    table->add_methods(methods, "", *request_path::read("/x"));
    EXPECT_EQ(methods, (std::set<std::string_view>{"GET", "HEAD", "POST", "PUT"}));
}

TEST(configured_routes, goes_on_to_a_less_precise_route_for_another_method) {
    const auto table = compiled({
        for_methods("exact", {"GET"}, "/a/b"),
        for_methods("pattern", {"POST"}, "/a/{x}"),
        for_methods("prefix", {"PUT"}, "/a/"),
        to("all", "/"),
        of_host("host", {"h.test"}, "/a/"),
    });
    EXPECT_EQ(service_of(table, "/a/b", "", "GET"), "exact");
    EXPECT_EQ(service_of(table, "/a/b", "", "POST"), "pattern");
    EXPECT_EQ(service_of(table, "/a/b", "", "PUT"), "prefix");
    EXPECT_EQ(service_of(table, "/a/b", "", "DELETE"), "all");
    EXPECT_EQ(service_of(table, "/a/b", "h.test", "GET"), "host");
}

TEST(configured_routes, no_spelling_evades_the_route_of_a_path) {
    const auto routes = compiled({to("admin", "/admin/"), to("all", "/"), to("u", "/%C3%BCber")});
    for (const char* const path : {
             "/%61dmin/x",
             "/%61%64%6D%69n/x",
             "//admin/x",
             "/./admin/x",
             "/public/../admin/x",
             "/public/%2e%2E/admin/",
             "/admin/%2e",
             "/x/y/../../admin//",
         }) {
        EXPECT_EQ(service_of(routes, path), "admin") << path;
    }
    EXPECT_EQ(service_of(routes, "/admin/../x"), "all");
    EXPECT_EQ(service_of(routes, "/admin/.."), "all");
    EXPECT_EQ(service_of(routes, "/\xC3\xBC\x62\x65r"), "u");
    EXPECT_EQ(service_of(routes, "/admin%2Fx"), "all") << "an encoded slash separates nothing";
    for (const char* const path : {
             "/..",
             "/a/../../admin/",
             "/api/..%2fadmin",
             "/api/%2e%2e%2fadmin",
             "/api/..%5cadmin",
             "/api/..\\admin",
             "/api/..;a=b/admin",
             "/api/x%2f..%2f..%2fadmin",
             "/%zz",
             "/a%2",
             "/%00",
         }) {
        EXPECT_EQ(service_of(routes, path), "malformed") << path;
    }
}

} // namespace
} // namespace msd::core
