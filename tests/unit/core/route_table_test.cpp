// SPDX-License-Identifier: Apache-2.0
#include "core/route_table.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace msd::core {
namespace {

using outcome = route_table::outcome;

node_info foreign(std::string name, std::vector<std::string> urls) {
    node_info node;
    node.id = {std::move(name), "127.0.0.1", 9010};
    node.urls = std::move(urls);
    return node;
}

node_info msd_node(std::string name, std::vector<route_info> routes) {
    node_info node;
    node.id = {std::move(name), "127.0.0.1", 9010};
    node.proto = 2;
    node.routes = std::move(routes);
    return node;
}

route_info route(std::string method, std::string path) {
    return {std::move(method), std::move(path), false, {}, {}};
}

std::string service_of(const route_table& table, std::string_view method, std::string_view path) {
    const auto match = table.find(method, path);
    return match.what == outcome::found ? match.target->service + " " + match.target->pattern : "";
}

TEST(route_table, finds_exact_routes_of_foreign_nodes) {
    const std::vector nodes{foreign("goods", {"POST/goods", "GET/goods"})};
    const route_table table{nodes};
    EXPECT_EQ(service_of(table, "GET", "/goods"), "goods /goods");
    EXPECT_EQ(service_of(table, "POST", "/goods"), "goods /goods");
    EXPECT_EQ(table.find("GET", "/good").what, outcome::unknown);
    EXPECT_EQ(table.find("GET", "/goods/").what, outcome::unknown);
    EXPECT_EQ(table.find("GET", "").what, outcome::unknown);
    EXPECT_EQ(table.routes().size(), 2U);
}

TEST(route_table, keeps_the_properties_that_an_msd_node_gives_its_routes) {
    route_info logs{"POST", "/logs", true, {"pin"}, {}};
    const std::vector nodes{msd_node("logs", {logs})};
    const route_table table{nodes};
    const auto target = table.find("POST", "/logs").target;
    ASSERT_NE(target, nullptr);
    EXPECT_TRUE(target->one_way);
    EXPECT_FALSE(target->wants_client);
}

TEST(route_table, decodes_the_variables_of_a_pattern) {
    const std::vector nodes{msd_node("goods", {route("GET", "/goods/{id}/parts/{part}")})};
    const route_table table{nodes};
    const auto match = table.find("GET", "/goods/7%2F8/parts/%EC%97%B0%ED%95%84");
    ASSERT_EQ(match.what, outcome::found);
    ASSERT_EQ(match.variables.size(), 2U);
    EXPECT_EQ(match.variables[0].first, "id");
    EXPECT_EQ(match.variables[0].second, "7/8");
    EXPECT_EQ(match.variables[1].first, "part");
    EXPECT_EQ(match.variables[1].second, "연필");
}

TEST(route_table, matches_a_variable_with_one_whole_segment_only) {
    const std::vector nodes{msd_node("goods", {route("GET", "/goods/{id}")})};
    const route_table table{nodes};
    EXPECT_EQ(table.find("GET", "/goods/1").what, outcome::found);
    EXPECT_EQ(table.find("GET", "/goods/").what, outcome::unknown);
    EXPECT_EQ(table.find("GET", "/goods/1/2").what, outcome::unknown);
    EXPECT_EQ(table.find("GET", "/goods").what, outcome::unknown);
    EXPECT_EQ(table.find("GET", "/goods/%zz").what, outcome::unknown);
}

TEST(route_table, accepts_patterns_among_the_urls_of_a_node) {
    const std::vector nodes{foreign("goods", {"GET/goods/{id}"})};
    const route_table table{nodes};
    EXPECT_EQ(service_of(table, "GET", "/goods/5"), "goods /goods/{id}");
}

TEST(route_table, prefers_exact_paths_to_patterns) {
    const std::vector nodes{
        msd_node("goods", {route("GET", "/goods/{id}"), route("PUT", "/goods/{id}")}),
        msd_node("ranking", {route("GET", "/goods/ranking")}),
    };
    const route_table table{nodes};
    EXPECT_EQ(service_of(table, "GET", "/goods/ranking"), "ranking /goods/ranking");
    EXPECT_EQ(service_of(table, "PUT", "/goods/ranking"), "goods /goods/{id}");
}

TEST(route_table, prefers_the_pattern_with_the_longer_literal_prefix) {
    const std::vector nodes{
        msd_node("any", {route("GET", "/{kind}/special/{id}")}),
        msd_node("goods", {route("GET", "/goods/{group}/{id}")}),
    };
    const route_table table{nodes};
    EXPECT_EQ(service_of(table, "GET", "/goods/special/1"), "goods /goods/{group}/{id}");
    EXPECT_EQ(service_of(table, "GET", "/cars/special/1"), "any /{kind}/special/{id}");
}

TEST(route_table, uses_the_get_route_for_head_unless_a_head_route_exists) {
    const std::vector nodes{
        foreign("goods", {"GET/goods", "GET/goods/{id}"}),
        foreign("heads", {"HEAD/goods"})};
    const route_table table{nodes};
    EXPECT_EQ(service_of(table, "HEAD", "/goods"), "heads /goods");
    EXPECT_EQ(service_of(table, "HEAD", "/goods/1"), "goods /goods/{id}");
}

TEST(route_table, names_the_methods_of_a_known_path) {
    const std::vector nodes{
        foreign("goods", {"POST/goods", "GET/goods", "DELETE/goods/{id}", "POST/goods/x"})};
    const route_table table{nodes};
    const auto on_exact = table.find("PUT", "/goods");
    EXPECT_EQ(on_exact.what, outcome::wrong_method);
    EXPECT_EQ(on_exact.allow, "GET, HEAD, POST");
    EXPECT_EQ(table.find("GET", "/goods/1").allow, "DELETE");
    EXPECT_EQ(table.find("GET", "/goods/x").allow, "DELETE, POST");
}

TEST(route_table, merges_the_routes_of_the_instances_of_one_service) {
    const std::vector nodes{
        foreign("members", {"GET/members"}),
        msd_node("members", {route("GET", "/members")})};
    const route_table table{nodes};
    ASSERT_EQ(table.routes().size(), 1U);
    EXPECT_TRUE(table.also_claimed_by(*table.routes()[0]).empty());
}

TEST(route_table, gives_a_contested_route_to_the_alphabetically_first_name_in_any_order) {
    std::vector nodes{
        foreign("a", {"GET/x", "GET/x/{id}"}),
        foreign("b", {"GET/x", "GET/y", "GET/x/{key}"}),
        foreign("b", {"GET/x"}),
        foreign("c", {"GET/x", "GET/x/{name}"}),
    };
    const auto by_name = [](const node_info& one, const node_info& other) {
        return one.id.name < other.id.name;
    };
    do {
        const route_table table{nodes};
        EXPECT_EQ(service_of(table, "GET", "/x"), "a /x");
        EXPECT_EQ(service_of(table, "GET", "/x/7"), "a /x/{id}");
        EXPECT_EQ(table.find("GET", "/x/7").variables[0].first, "id");
        EXPECT_EQ(service_of(table, "GET", "/y"), "b /y");
        EXPECT_EQ(table.routes().size(), 3U);
        const std::vector<std::string> others{"b", "c"};
        EXPECT_EQ(table.also_claimed_by(*table.find("GET", "/x").target), others);
        EXPECT_EQ(table.also_claimed_by(*table.find("GET", "/x/7").target), others);
        EXPECT_TRUE(table.also_claimed_by(*table.find("GET", "/y").target).empty());
    } while (std::next_permutation(nodes.begin(), nodes.end(), by_name));
}

TEST(route_table, chooses_the_same_pattern_in_any_order_of_nodes) {
    std::vector nodes{
        foreign("s", {"GET/a/{x}/c"}),
        foreign("r", {"GET/a/{y}/{z}"}),
        foreign("q", {"GET/a/{z}/d"}),
        foreign("p", {"GET/a/{}/{z}"}),
    };
    const auto by_name = [](const node_info& one, const node_info& other) {
        return one.id.name < other.id.name;
    };
    std::sort(nodes.begin(), nodes.end(), by_name);
    do {
        const route_table table{nodes};
        EXPECT_EQ(service_of(table, "GET", "/a/b/c"), "s /a/{x}/c") << "fewer variables";
        EXPECT_EQ(service_of(table, "GET", "/a/b/d"), "q /a/{z}/d");
        EXPECT_EQ(service_of(table, "GET", "/a/b/e"), "r /a/{y}/{z}");
        EXPECT_EQ(service_of(table, "GET", "/a/{}/e"), "p /a/{}/{z}") << "{} is no variable";
    } while (std::next_permutation(nodes.begin(), nodes.end(), by_name));
}

TEST(route_table, keeps_the_route_of_a_removed_service_until_another_service_has_it) {
    const std::vector gone{foreign("a", {"GET/x", "GET/y"}), foreign("b", {"GET/y"})};
    const std::vector there{foreign("z", {"GET/x"})};
    const route_table table{there, gone};
    EXPECT_EQ(service_of(table, "GET", "/x"), "z /x");
    EXPECT_EQ(service_of(table, "GET", "/y"), "a /y");
    EXPECT_TRUE(table.also_claimed_by(*table.find("GET", "/x").target).empty());
    const std::vector<std::string> others{"b"};
    EXPECT_EQ(table.also_claimed_by(*table.find("GET", "/y").target), others);
}

TEST(route_table, names_variables_as_the_matched_route_does) {
    const std::vector nodes{
        msd_node("goods", {route("GET", "/x/{id}")}),
        msd_node("writer", {route("PUT", "/x/{key}")}),
    };
    const route_table table{nodes};
    EXPECT_EQ(table.find("GET", "/x/1").variables[0].first, "id");
    EXPECT_EQ(table.find("PUT", "/x/1").variables[0].first, "key");
}

TEST(route_table, ignores_only_the_malformed_urls_of_a_node) {
    const std::vector nodes{foreign(
        "odd",
        {"", "GET", "/goods", "GET /a", "GET/a b", "GET/a?b", "G\nET/a", "GET/good"}
    )};
    const route_table table{nodes};
    ASSERT_EQ(table.routes().size(), 1U);
    EXPECT_EQ(service_of(table, "GET", "/good"), "odd /good");
}

TEST(route_table, gives_routes_that_outlive_nodes_and_table) {
    route_table::match match;
    {
        const std::vector nodes{foreign("goods", {"GET/goods/{id}"})};
        route_table table{nodes};
        match = table.find("GET", "/goods/1");
        EXPECT_EQ(match.target, table.routes()[0]);
        table.remove(nodes[0]);
        EXPECT_TRUE(table.empty());
    }
    ASSERT_EQ(match.what, outcome::found);
    EXPECT_EQ(match.target->pattern, "/goods/{id}");
    EXPECT_EQ(match.variables[0].first, "id");
    EXPECT_EQ(match.variables[0].second, "1");
}

TEST(route_table, expects_no_reply_to_log_lines_from_foreign_nodes) {
    const std::vector nodes{foreign("logs", {"POST/logs", "GET/logs", "POST/logs/x"})};
    const route_table table{nodes};
    EXPECT_TRUE(table.find("POST", "/logs").target->one_way);
    EXPECT_FALSE(table.find("GET", "/logs").target->one_way);
    EXPECT_FALSE(table.find("POST", "/logs/x").target->one_way);
}

TEST(route_table, accepts_paths_of_any_depth) {
    const std::vector nodes{foreign("goods", {"GET/goods/{id}"})};
    const route_table table{nodes};
    EXPECT_EQ(table.find("GET", std::string(100'000, '/')).what, outcome::unknown);
}

TEST(route_table, accepts_exactly_the_characters_of_a_method_and_of_a_path) {
    std::string methods;
    std::string paths;
    for (int code = 1; code < 256; ++code) {
        const char c = static_cast<char>(code);
        const std::vector nodes{
            msd_node("a", {route(std::string{"M"} + c, "/m"), route("P", std::string{"/p"} + c)})};
        const route_table table{nodes};
        methods += table.find(std::string{"M"} + c, "/m").what == outcome::found ? c : ' ';
        paths += table.find("P", std::string{"/p"} + c).what == outcome::found ? c : ' ';
    }
    std::erase(methods, ' ');
    EXPECT_EQ(
        methods,
        "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~"
    );
    std::string wanted;
    for (int code = 0x21; code < 256; ++code) {
        wanted += code == '#' || code == '?' || code == 0x7F ? ' ' : static_cast<char>(code);
    }
    EXPECT_EQ(paths, std::string(0x20, ' ') + wanted);
}

TEST(route_table, matches_patterns_of_up_to_32_segments) {
    std::string path;
    for (int count = 0; count < 31; ++count) {
        path += "/a";
    }
    const std::vector nodes{foreign("x", {"GET" + path + "/{id}", "GET" + path + "/a/{id}"})};
    const route_table table{nodes};
    EXPECT_EQ(service_of(table, "GET", path + "/b"), "x " + path + "/{id}");
    EXPECT_EQ(table.find("GET", path + "/a/b").what, outcome::unknown);
    EXPECT_EQ(service_of(table, "GET", path + "/a/{id}"), "x " + path + "/a/{id}")
        << "compared as it is";
}

TEST(route_table, merges_the_properties_that_instances_give_a_route) {
    const std::vector nodes{
        msd_node("a", {{"GET", "/x/{b}", false, {"s", "t"}, {}}}),
        msd_node("a", {{"GET", "/x/{a}", true, {"t", "u"}, {}}}),
        msd_node("a", {{"GET", "/x/{c}", false, {}, {}}}),
        foreign("b", {"POST/logs", "GET/logs"}),
    };
    const route_table table{nodes};
    const auto match = table.find("GET", "/x/1");
    ASSERT_EQ(match.what, outcome::found);
    EXPECT_EQ(match.target->pattern, "/x/{a}");
    EXPECT_EQ(match.variables[0].first, "a");
    EXPECT_TRUE(match.target->one_way);
    EXPECT_TRUE(table.find("POST", "/logs").target->one_way);
    EXPECT_FALSE(table.find("GET", "/logs").target->one_way);
    EXPECT_EQ(table.find("PUT", "/logs").allow, "GET, HEAD, POST");
    EXPECT_EQ(table.find("PUT", "/x/1").allow, "GET, HEAD");
    EXPECT_EQ(table.find("PUT", "/x/%zz").what, outcome::unknown);
    EXPECT_EQ(table.find("HEAD", "/x/1").target->method, "GET");
    EXPECT_EQ(table.find("PUT", "/y").allow, "");
}

TEST(route_table, compares_paths_of_any_length_with_patterns_segment_by_segment) {
    const std::vector nodes{foreign(
        "deep",
        {"GET/{a}/b/{c}/{d}", "GET/{a}/{b}/c/d", "GET/{a}/b/c/{d}", "GET/{a}/b/{c}/d"}
    )};
    const route_table table{nodes};
    EXPECT_EQ(service_of(table, "GET", "/a/b/c/d"), "deep /{a}/{b}/c/d") << "first by key";
    EXPECT_EQ(service_of(table, "GET", "/a/b/c/x"), "deep /{a}/b/c/{d}");
    EXPECT_EQ(service_of(table, "GET", "/a/b/x/y"), "deep /{a}/b/{c}/{d}");
    EXPECT_EQ(service_of(table, "GET", "/a/b/%zz/d"), "");
}

TEST(route_table, adds_the_client_while_any_instance_of_the_service_wants_it) {
    route_info asking = route("GET", "/members");
    asking.wants_client = true;
    const auto other = msd_node("members", {asking});
    route_table table{std::vector{foreign("members", {"GET/members"})}};
    EXPECT_FALSE(table.find("GET", "/members").target->wants_client);
    table.add(other);
    EXPECT_TRUE(table.find("GET", "/members").target->wants_client);
    table.remove(other);
    EXPECT_FALSE(table.find("GET", "/members").target->wants_client);
}

TEST(route_table, finds_the_route_of_one_of_several_services) {
    route_info next = route("GET", "/goods/{key}");
    next.wants = {"authorization"};
    const std::vector nodes{
        msd_node("goods", {route("GET", "/goods/{id}"), route("POST", "/goods/{id}")}),
        msd_node("goods-next", {next}),
    };
    const route_table table{nodes};
    EXPECT_EQ(service_of(table, "GET", "/goods/1"), "goods /goods/{id}");
    const auto found = table.find_of("goods-next", "HEAD", "/goods/1");
    ASSERT_EQ(found.what, outcome::found);
    EXPECT_EQ(found.target->service, "goods-next");
    EXPECT_EQ(found.target->wants, std::vector<std::string>{"authorization"});
    EXPECT_EQ(found.variables[0].first, "key");
    const auto wrong = table.find_of("goods-next", "POST", "/goods/1");
    EXPECT_EQ(wrong.what, outcome::wrong_method);
    EXPECT_EQ(wrong.allow, "GET, HEAD");
    EXPECT_EQ(table.find_of("members", "GET", "/goods/1").what, outcome::unknown);
}

TEST(route_table, asks_for_the_header_fields_that_any_instance_wants) {
    route_info one = route("GET", "/a");
    one.wants = {"accept", "range"};
    route_info other = route("GET", "/a");
    other.wants = {"range", "x-b"};
    route_table table;
    table.add(msd_node("a", {one}));
    table.add(msd_node("a", {other}));
    const auto wants = [&table] {
        return table.find("GET", "/a").target->wants;
    };
    EXPECT_EQ(wants(), (std::vector<std::string>{"accept", "range", "x-b"}));
    table.replace(msd_node("a", {one}), msd_node("a", {other}));
    EXPECT_EQ(wants(), (std::vector<std::string>{"range", "x-b"}));
    table.remove(msd_node("a", {other}));
    table.remove(msd_node("a", {other}));
    EXPECT_TRUE(table.empty());
}

TEST(route_table, has_no_routes_of_web_programs) {
    node_info web = msd_node("web", {route("GET", "/a")});
    web.protocol = node_protocol::http;
    EXPECT_TRUE(route_table{std::vector{web}}.empty());
}

} // namespace
} // namespace msd::core
